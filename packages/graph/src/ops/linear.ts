// Matrix products. Weights are [out, in], as checkpoints store them: `linear` needs no transposed copy.

import { broadcast, type Dimension, formatShape, type Shape } from '../dimension.ts';
import { type Attributes, dimensionAt, type GradientRule, GraphError, shapeError, type Value } from '../graph.ts';
import { DATA_TYPES } from '../onnx/data-type.ts';
import { sum, sumTo } from './broadcast.ts';
import { add, cast } from './elementwise.ts';
import { transpose } from './reshape.ts';

/**
 * The numbers that a product a·b of float32 matrices is taken in, and the gradient of a: inputs are rounded to them, and
 * the result is float32 again. The gradient of b is a sum over the rows of a, which may be as many as a batch has
 * tokens; a device may add float16 in float16, so that product is always float32.
 */
export type ProductType = 'float32' | 'float16';

export interface GemmOptions {
  readonly transposeA?: boolean;
  readonly transposeB?: boolean;
  readonly in?: ProductType;
}

/** a·b for matrices, each transposed first if asked. */
export function gemm(a: Value, b: Value, options: GemmOptions = {}): Value {
  const { transposeA = false, transposeB = false, in: type = 'float32' } = options;
  if (a.shape.length !== 2 || b.shape.length !== 2) throw shapeError('gemm', a, b, 'are not two matrices');
  const rows = a.shape[transposeA ? 1 : 0]!;
  const columns = b.shape[transposeB ? 0 : 1]!;
  if (a.shape[transposeA ? 0 : 1] !== b.shape[transposeB ? 1 : 0]) throw shapeError('gemm', a, b, 'do not multiply');
  const gradient: GradientRule = ([dy]) => [
    transposeA
      ? gemm(b, dy!, { transposeA: transposeB, transposeB: true, in: type })
      : gemm(dy!, b, { transposeB: !transposeB, in: type }),
    transposeB ? gemm(dy!, a, { transposeA: true, transposeB: transposeA }) : gemm(a, dy!, { transposeA: !transposeA }),
  ];
  const attributes = { transA: { int: transposeA ? 1 : 0 }, transB: { int: transposeB ? 1 : 0 } };
  return product('Gemm', a, b, [rows, columns], { type, attributes, gradient });
}

interface ProductOptions {
  readonly type: ProductType;
  readonly attributes?: Attributes;
  readonly gradient: GradientRule;
}

function product(
  op: string,
  a: Value,
  b: Value,
  shape: Shape,
  { type, attributes = {}, gradient }: ProductOptions,
): Value {
  const { graph } = a;
  if (type === 'float32') return graph.node(op, [a, b], { type: a.type, shape }, { attributes, gradient });
  // Its gradient reaches back over the roundings.
  const rounded = graph.node(op, [cast(a, type), cast(b, type)], { type, shape }, { attributes });
  const to = { to: { int: DATA_TYPES.float32.code } };
  return graph.node('Cast', [rounded], { type: 'float32', shape }, { attributes: to, gradient, gradientOf: [a, b] });
}

/** x [tokens, in] through a weight [out, in], with an optional bias [out] → [tokens, out]. */
export function linear(x: Value, weight: Value, bias?: Value, type: ProductType = 'float32'): Value {
  if (!bias) return gemm(x, weight, { transposeB: true, in: type });
  if (x.shape[1] !== weight.shape[1]) throw shapeError('linear', x, weight, 'do not multiply');
  if (type === 'float16') return add(gemm(x, weight, { transposeB: true, in: type }), bias);
  const gradient: GradientRule = ([dy]) => [gemm(dy!, weight), gemm(dy!, x, { transposeA: true }), sum(dy!, [0])];
  const shape = [dimensionAt(x, 0), dimensionAt(weight, 0)];
  const attributes = { transA: { int: 0 }, transB: { int: 1 } };
  return x.graph.node('Gemm', [x, weight, bias], { type: x.type, shape }, { attributes, gradient });
}

const swapLast = (x: Value): Value => {
  const order = x.shape.map((_, i) => i);
  const rank = order.length;
  return transpose(x, [...order.slice(0, -2), rank - 1, rank - 2]);
};

/** Batched a [..., m, k] · b [..., k, n] → [..., m, n]; leading axes broadcast. */
export function matmul(a: Value, b: Value, type: ProductType = 'float32'): Value {
  if (a.shape.length < 2 || b.shape.length < 2) {
    throw new GraphError('shape', `matmul: ${formatShape(a.shape)} and ${formatShape(b.shape)} are not matrices`);
  }
  const lead = broadcast(a.shape.slice(0, -2), b.shape.slice(0, -2));
  if (!lead || a.shape.at(-1) !== b.shape.at(-2)) throw shapeError('matmul', a, b, 'do not multiply');
  const shape: Dimension[] = [...lead, a.shape.at(-2)!, b.shape.at(-1)!];
  const gradient: GradientRule = ([dy]) => [
    sumTo(matmul(dy!, swapLast(b), type), a.shape),
    // Of a matrix that was transposed for this product, the gradient is transposed back at once.
    b.node?.op === 'Transpose'
      ? swapLast(sumTo(matmul(swapLast(dy!), a), swapLast(b).shape))
      : sumTo(matmul(swapLast(a), dy!), b.shape),
  ];
  return product('MatMul', a, b, shape, { type, gradient });
}
