// Composite operators of a transformer whose gradients are worth writing by hand.

import { dimensionAt, type GradientRule, GraphError, shapeError, type Value } from '../graph.ts';
import { sum } from './broadcast.ts';
import { add, div, mul, neg, scale, sqrt, sub } from './elementwise.ts';
import { gemm } from './linear.ts';
import { sumOfSquares } from './reduce.ts';
import { reshape } from './reshape.ts';

/** x / sqrt(mean(x²) + epsilon) · weight over the last axis of x [tokens, width], weight [width]. */
export function rmsNorm(x: Value, weight: Value, epsilon: number): Value {
  const width = Number(dimensionAt(x, 1));
  if (x.shape.length !== 2 || weight.shape[0] !== width) throw shapeError('rmsNorm', x, weight, 'do not fit');
  const gradient: GradientRule = ([dy]) => {
    const meanSquare = scale(sumOfSquares(x, [1], { keepDims: true }), 1 / width);
    const inverse = div(x.graph.scalar(1), sqrt(add(meanSquare, x.graph.scalar(epsilon))));
    const normal = mul(x, inverse);
    const product = mul(dy!, normal);
    // mean over the row of dy·w·normal, as a matrix times a vector.
    const inner = scale(gemm(product, reshape(weight, [width, 1])), 1 / width);
    return [mul(sub(mul(dy!, weight), mul(normal, inner)), inverse), sum(product, [0])];
  };
  const attributes = { axis: { int: -1 }, epsilon };
  return x.graph.node('SimplifiedLayerNormalization', [x, weight], x, { attributes, gradient });
}

/** (x − mean) / sqrt(variance + epsilon) · weight + bias over the last axis of x [tokens, width]. */
export function layerNorm(x: Value, weight: Value, bias: Value, epsilon: number): Value {
  const width = Number(dimensionAt(x, 1));
  if (x.shape.length !== 2 || weight.shape[0] !== width) throw shapeError('layerNorm', x, weight, 'do not fit');
  if (bias.shape[0] !== width) throw shapeError('layerNorm', x, bias, 'do not fit');
  const perToken = { type: x.type, shape: [dimensionAt(x, 0), 1] };
  const gradient: GradientRule = ([dy], [, mean, inverse]) => {
    const normal = mul(sub(x, mean!), inverse!);
    const weighted = mul(dy!, weight);
    const meanOf = (y: Value) => scale(sum(y, [1], { keepDims: true }), 1 / width);
    const centred = sub(sub(weighted, meanOf(weighted)), mul(normal, meanOf(mul(weighted, normal))));
    return [mul(centred, inverse!), sum(mul(dy!, normal), [0]), sum(dy!, [0])];
  };
  const attributes = { axis: { int: -1 }, epsilon };
  const outputs = [x, perToken, perToken];
  return x.graph.nodeWith('LayerNormalization', [x, weight, bias], outputs, { attributes, gradient })[0]!;
}

/** Cosines and sines of every position, for `rotary`. */
export interface RotaryTables {
  /** [positions, headDim / 2] */
  readonly cos: Value;
  /** [positions, headDim / 2] */
  readonly sin: Value;
}

/**
 * Rotary position embedding of x [tokens, heads · headDim] at `positions` [tokens, 1] int64, half-split: dimension i of a head
 * turns with i + headDim / 2. The gradient turns back.
 */
export function rotary(x: Value, positions: Value, { cos, sin }: RotaryTables): Value {
  const half = dimensionAt(cos, 1);
  const width = dimensionAt(x, 1);
  if (typeof half !== 'number' || typeof width !== 'number' || width % (2 * half) !== 0) {
    throw shapeError('rotary', x, cos, 'do not fit');
  }
  if (positions.type !== 'int64') throw new GraphError('type', `rotary: positions are int64, not ${positions.type}`);
  if (positions.shape[1] !== 1 || positions.shape[0] !== x.shape[0])
    throw shapeError('rotary', x, positions, 'do not fit');
  const tokens = dimensionAt(x, 0);
  // Every token is a row of its own: ONNX Runtime refuses rows longer than the tables, whatever the positions are.
  const batch = [tokens, 1, width];
  const gradient: GradientRule = ([dy]) => [
    reshape(rotary(reshape(dy!, [tokens, width]), positions, { cos, sin: neg(sin) }), batch),
  ];
  const inputs = [reshape(x, batch), positions, cos, sin];
  const output = { type: x.type, shape: batch };
  return reshape(x.graph.node('RotaryEmbedding', inputs, output, { domain: 'com.microsoft', gradient }), x.shape);
}
