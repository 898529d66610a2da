export { checkpointed } from './autograd/checkpointed.ts';
export { gradients } from './autograd/gradients.ts';
export {
  addDimensions,
  type Dimension,
  elementCount,
  multiplyDimensions,
  type Shape,
} from './dimension.ts';
export { Graph, GraphError, type GraphErrorCode, type Value } from './graph.ts';
export type { DataType } from './onnx/data-type.ts';
export { type ByteStream, type ModelFileOptions, modelFiles } from './onnx/model-files.ts';
export { serialize } from './onnx/serialize.ts';
export { cumulativeSum, expand, sum } from './ops/broadcast.ts';
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
  scale,
  sigmoid,
  silu,
  sqrt,
  stopGradient,
  sub,
  tanh,
} from './ops/elementwise.ts';
export { gatherElements, gatherRows, scatterAdd } from './ops/gather.ts';
export { logSumExp } from './ops/likelihood.ts';
export { gemm, linear, matmul, type ProductType } from './ops/linear.ts';
export { layerNorm, type RotaryTables, rmsNorm, rotary } from './ops/network.ts';
export { argmax, softmax, sumOfSquares } from './ops/reduce.ts';
export { reshape, transpose } from './ops/reshape.ts';
export { concat, split, zerosLike } from './ops/shape.ts';
