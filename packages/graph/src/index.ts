export { cumulativeSum, expand, stretch, sum, sumTo } from './broadcast.ts';
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
export {
  gatherElements,
  gatherRows,
  packRows,
  pickFromRows,
  type RowLayout,
  scatterAdd,
  unpackRows,
} from './gather.ts';
export { gradients } from './gradients.ts';
export { type DataType, Graph, GraphError, type GraphErrorCode, type Value } from './graph.ts';
export { chosenLogprobs, entropyOfRows, logSumExp } from './likelihood.ts';
export { gemm, linear, matmul } from './linear.ts';
export { layerNorm, type RotaryTables, rmsNorm, rotary } from './network.ts';
export { recomputed } from './recompute.ts';
export { maxOfLast, softmax, sumOfSquares } from './reduce.ts';
export { reshape, transpose, unflatten } from './reshape.ts';
export { serialize } from './serialize.ts';
export { type Cut, concat, cutAt, joinAt, repeatRows, type Spread, split, spreadRows, zerosLike } from './shape.ts';
