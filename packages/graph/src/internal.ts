// Entry `@ludic/graph/internal`: what other packages of this repository need and nothing else is promised.

export { float16Bytes, LARGEST_FLOAT16 } from './onnx/float16.ts';
export { ProtobufMessage } from './onnx/protobuf.ts';
export { gatherND, padRows, type RowPadding, scatterND, take, unpadRows } from './ops/gather.ts';
export { entropyOfRows, targetLogprobs } from './ops/likelihood.ts';
export {
  BLOCK_SIZE,
  type BlockWeight,
  blockLinear,
  blockRows,
  type PackedWeight,
  packedLinear,
} from './ops/quantized.ts';
export { sizesAt, unflatten } from './ops/reshape.ts';
export { type Cut, cutAt, joinAt, type Spread, spreadRows } from './ops/shape.ts';
