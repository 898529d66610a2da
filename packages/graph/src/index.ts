export { cumulativeSum, expand, stretch, sum, sumTo } from './broadcast.ts';
export type { DataType } from './data-type.ts';
export {
  addDimensions,
  type Dimension,
  elementCount,
  formatShape,
  multiplyDimensions,
  type Shape,
  sameShape,
} from './dimension.ts';
export {
  add,
  cast,
  div,
  equal,
  exp,
  geluTanh,
  less,
  log,
  maximum,
  minimum,
  mul,
  neg,
  reciprocal,
  scale,
  sigmoid,
  silu,
  sqrt,
  stopGradient,
  sub,
  tanh,
} from './elementwise.ts';
export { float16Bytes, LARGEST_FLOAT16 } from './float16.ts';
export {
  gatherElements,
  gatherRows,
  packRows,
  pickFromRows,
  pickPlaces,
  putPlaces,
  type RowLayout,
  scatterAdd,
  take,
  unpackRows,
} from './gather.ts';
export { gradients } from './gradients.ts';
export { Graph, GraphError, type GraphErrorCode, type Value } from './graph.ts';
export { chosenLogprobs, entropyOfRows, logSumExp } from './likelihood.ts';
export { gemm, linear, matmul, type ProductType } from './linear.ts';
export { type ByteStream, type ModelFileOptions, modelFiles } from './model-files.ts';
export { layerNorm, type RotaryTables, rmsNorm, rotary } from './network.ts';
export { type FourBitWeight, fourBitLinear } from './quantized.ts';
export { recomputed } from './recompute.ts';
export { argmax, maxOfLast, softmax, sumOfSquares } from './reduce.ts';
export { reshape, transpose, unflatten } from './reshape.ts';
export { serialize } from './serialize.ts';
export { type Cut, concat, cutAt, joinAt, type Spread, split, spreadRows, zerosLike } from './shape.ts';
