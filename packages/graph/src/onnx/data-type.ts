// The types of tensors: as TensorProto.DataType of onnx.proto3 numbers them, and the bytes of one element.

export const DATA_TYPES = {
  float32: { code: 1, size: 4 },
  uint8: { code: 2, size: 1 },
  int32: { code: 6, size: 4 },
  int64: { code: 7, size: 8 },
  bool: { code: 9, size: 1 },
  float16: { code: 10, size: 2 },
} as const;

/** Types of numbers that graphs are built of. */
export type DataType = keyof typeof DATA_TYPES;
