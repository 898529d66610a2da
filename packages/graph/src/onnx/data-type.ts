// The types of tensors, as ONNX numbers them.

/** Types of numbers that graphs are built of. */
export type DataType = 'float32' | 'float16' | 'uint8' | 'int32' | 'int64' | 'bool';

/** TensorProto.DataType of onnx.proto3. */
export const TYPE_CODES: Readonly<Record<DataType, number>> = {
  float32: 1,
  uint8: 2,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
};

/** Bytes of one element. */
export const TYPE_SIZES: Readonly<Record<DataType, number>> = {
  float32: 4,
  float16: 2,
  uint8: 1,
  int32: 4,
  int64: 8,
  bool: 1,
};
