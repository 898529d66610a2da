// What a table of logits says of target tokens. A row is as long as a vocabulary, so a table may be larger than the whole
// network: the gradients here are written so that no table is kept but the logits, and few are made on the way.

import { elementCount } from '../dimension.ts';
import { type GradientRule, GraphError, type Value } from '../graph.ts';
import { sum } from './broadcast.ts';
import { add, div, exp, log, mul, neg, sub } from './elementwise.ts';
import { gatherElements, scatterAdd } from './gather.ts';
import { maxOfLast, softmax } from './reduce.ts';
import { reshape } from './reshape.ts';
import { zerosLike } from './shape.ts';

/** Pieces of the softmax of each row, with the row's largest element taken off first. */
function exponentials(x: Value) {
  if (x.shape.length !== 2) throw new GraphError('shape', 'logits are [rows, width]');
  const largest = maxOfLast(x);
  const shifted = sub(x, largest);
  const weights = exp(shifted);
  return { largest, shifted, weights, total: sum(weights, [1], { keepDims: true }) };
}

/** log Σ exp of each row of x [rows, width] → [rows, 1]. */
export function logSumExp(x: Value): Value {
  const { largest, total } = exponentials(x);
  const gradient: GradientRule = ([dy]) => [mul(softmax(x), dy!)];
  return x.graph.node('Add', [log(total), largest], largest, { gradient, gradientOf: [x] });
}

/**
 * log softmax(x) [rows, width] at single elements → [targets].
 * @param elements [targets] int32, row · width + column
 * @param rows [targets] int32, the row of each
 */
export function targetLogprobs(x: Value, elements: Value, rows: Value): Value {
  const flat = (y: Value) => reshape(y, [elementCount(y.shape)]);
  const picked = gatherElements(flat(x), elements);
  const totals = flat(logSumExp(x));
  const gradient: GradientRule = ([dy]) => {
    // d x = the gradient at the targets, less the softmax times all gradients of the row.
    const ofRow = reshape(scatterAdd(zerosLike(totals), rows, dy!), [x.shape[0]!, 1]);
    const spread = mul(softmax(x), neg(ofRow));
    return [reshape(scatterAdd(flat(spread), elements, dy!), x.shape)];
  };
  const described = { type: x.type, shape: elements.shape };
  return x.graph.node('Sub', [picked, gatherElements(totals, rows)], described, { gradient, gradientOf: [x] });
}

/** Entropy in nats of softmax(x) of each row of x [rows, width] → [rows]. */
export function entropyOfRows(x: Value): Value {
  const { shifted, weights, total } = exponentials(x);
  const mean = div(sum(mul(weights, shifted), [1], { keepDims: true }), total);
  const gradient: GradientRule = ([dy], [entropy]) => {
    // d entropy = −p · (log p + entropy)
    const logp = sub(x, logSumExp(x));
    return [mul(mul(softmax(x), add(logp, entropy!)), neg(dy!))];
  };
  const kept = x.graph.node('Sub', [log(total), mean], total, { gradient, gradientOf: [x] });
  return reshape(kept, [x.shape[0]!]);
}
