export { checkpointed } from './autograd/checkpointed.ts';
export { gradients } from './autograd/gradients.ts';
export {
  addDimensions,
  type Dimension,
  elementCount,
  formatShape,
  multiplyDimensions,
  type Shape,
  sameShape,
} from './dimension.ts';
export { Graph, GraphError, type GraphErrorCode, type Value } from './graph.ts';
export type { DataType } from './onnx/data-type.ts';
export { float16Bytes, LARGEST_FLOAT16 } from './onnx/float16.ts';
export { type ByteStream, type ModelFileOptions, modelFiles } from './onnx/model-files.ts';
export { serialize } from './onnx/serialize.ts';
export { cumulativeSum, expand, stretch, sum, sumTo } from './ops/broadcast.ts';
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
} from './ops/elementwise.ts';
export {
  gatherElements,
  gatherND,
  gatherRows,
  padRows,
  pickFromRows,
  type RowPadding,
  scatterAdd,
  scatterND,
  take,
  unpadRows,
} from './ops/gather.ts';
export { entropyOfRows, logSumExp, targetLogprobs } from './ops/likelihood.ts';
export { gemm, linear, matmul, type ProductType } from './ops/linear.ts';
export { layerNorm, type RotaryTables, rmsNorm, rotary } from './ops/network.ts';
export { type FourBitWeight, fourBitLinear } from './ops/quantized.ts';
export { argmax, maxOfLast, softmax, sumOfSquares } from './ops/reduce.ts';
export { reshape, transpose, unflatten } from './ops/reshape.ts';
export { type Cut, concat, cutAt, joinAt, type Spread, split, spreadRows, zerosLike } from './ops/shape.ts';
