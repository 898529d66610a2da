export {
  addDimensions,
  type Dimension,
  elementCount,
  formatShape,
  multiplyDimensions,
  sameShape,
  type Shape,
} from './dimension.ts';
export {
  add,
  cast,
  div,
  equal,
  exp,
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
export { gatherElements, gatherRows, packRows, pickFromRows, type RowLayout, scatterAdd, unpackRows } from './gather.ts';
export { gradients } from './gradients.ts';
export { type DataType, Graph, GraphError, type GraphErrorCode, type Value } from './graph.ts';
export { gemm, linear, matmul } from './linear.ts';
export { logSoftmax, type RotaryTables, rmsNorm, rotary } from './network.ts';
export { maxOfLast, softmax, sum, sumOfSquares, sumTo } from './reduce.ts';
export { serialize } from './serialize.ts';
export { concat, type Cut, cutAt, expand, joinAt, repeatRows, reshape, split, stretch, transpose, zerosLike } from './shape.ts';
