// Entry `@ludic/graph/internal`: what other packages of this repository need and nothing else is promised.

export { float16Bytes, LARGEST_FLOAT16 } from './onnx/float16.ts';
export { ProtobufMessage } from './onnx/protobuf.ts';
export { gatherND, padRows, type RowPadding, scatterND, take, unpadRows } from './ops/gather.ts';
export { entropyOfRows, targetLogprobs } from './ops/likelihood.ts';
export { type FourBitWeight, fourBitLinear } from './ops/quantized.ts';
export { sizesAt, unflatten } from './ops/reshape.ts';
export { type Cut, cutAt, joinAt, type Spread, spreadRows } from './ops/shape.ts';
