// Matrix products. Weights are [out, in], as checkpoints store them: `linear` needs no transposed copy.

import { sum, sumTo } from './broadcast.ts';
import { broadcast, type Dimension, formatShape } from './dimension.ts';
import { dimensionAt, type GradientRule, GraphError, shapeError, type Value } from './graph.ts';
import { transpose } from './reshape.ts';

export interface GemmOptions {
  readonly transposeA?: boolean;
  readonly transposeB?: boolean;
}

/** a·b for matrices, each transposed first if asked. */
export function gemm(a: Value, b: Value, { transposeA = false, transposeB = false }: GemmOptions = {}): Value {
  if (a.shape.length !== 2 || b.shape.length !== 2) throw shapeError('gemm', a, b, 'are not two matrices');
  const rows = a.shape[transposeA ? 1 : 0]!;
  const columns = b.shape[transposeB ? 0 : 1]!;
  if (a.shape[transposeA ? 0 : 1] !== b.shape[transposeB ? 1 : 0]) throw shapeError('gemm', a, b, 'do not multiply');
  const gradient =
    (): GradientRule =>
    ([dy]) => [
      transposeA
        ? gemm(b, dy!, { transposeA: transposeB, transposeB: true })
        : gemm(dy!, b, { transposeB: !transposeB }),
      transposeB
        ? gemm(dy!, a, { transposeA: true, transposeB: transposeA })
        : gemm(a, dy!, { transposeA: !transposeA }),
    ];
  return a.graph.node('Gemm', [a, b], [{ type: a.type, shape: [rows, columns] }], {
    attributes: { transA: { int: transposeA ? 1 : 0 }, transB: { int: transposeB ? 1 : 0 } },
    gradient,
  })[0]!;
}

/** x [tokens, in] through a weight [out, in], with an optional bias [out] → [tokens, out]. */
export function linear(x: Value, weight: Value, bias?: Value): Value {
  if (!bias) return gemm(x, weight, { transposeB: true });
  if (x.shape[1] !== weight.shape[1]) throw shapeError('linear', x, weight, 'do not multiply');
  const gradient =
    (): GradientRule =>
    ([dy]) => [gemm(dy!, weight), gemm(dy!, x, { transposeA: true }), sum(dy!, [0])];
  const shape = [dimensionAt(x, 0), dimensionAt(weight, 0)];
  return x.graph.node('Gemm', [x, weight, bias], [{ type: x.type, shape }], {
    attributes: { transA: { int: 0 }, transB: { int: 1 } },
    gradient,
  })[0]!;
}

const swapLast = (x: Value): Value => {
  const order = x.shape.map((_, i) => i);
  const rank = order.length;
  return transpose(x, [...order.slice(0, -2), rank - 1, rank - 2]);
};

/** Batched a [..., m, k] · b [..., k, n] → [..., m, n]; leading axes broadcast. */
export function matmul(a: Value, b: Value): Value {
  if (a.shape.length < 2 || b.shape.length < 2) {
    throw new GraphError('shape', `matmul: ${formatShape(a.shape)} and ${formatShape(b.shape)} are not matrices`);
  }
  const lead = broadcast(a.shape.slice(0, -2), b.shape.slice(0, -2));
  if (!lead || a.shape.at(-1) !== b.shape.at(-2)) throw shapeError('matmul', a, b, 'do not multiply');
  const shape: Dimension[] = [...lead, a.shape.at(-2)!, b.shape.at(-1)!];
  const gradient =
    (): GradientRule =>
    ([dy]) => [
      sumTo(matmul(dy!, swapLast(b)), a.shape),
      // Of a matrix that was transposed for this product, the gradient is transposed back at once.
      b.node?.op === 'Transpose'
        ? swapLast(sumTo(matmul(swapLast(dy!), a), swapLast(b).shape))
        : sumTo(matmul(swapLast(a), dy!), b.shape),
    ];
  return a.graph.node('MatMul', [a, b], [{ type: a.type, shape }], { gradient })[0]!;
}
