// Sampling inside a graph: one uniform number per draw picks a token, so that logits never leave the device. The same
// walk along the cumulative weights as drawing on the host, in float32 and two strides: first blocks, then inside one.

import {
  add,
  argmax,
  cast,
  concat,
  cumulativeSum,
  exp,
  type Graph,
  gatherElements,
  gatherRows,
  less,
  logSumExp,
  minimum,
  mul,
  multiplyDimensions,
  neg,
  reshape,
  scale,
  split,
  sub,
  sum,
  type Value,
} from '@ludic/graph';
import { float32, type HostTensor, int32, scalar } from '@ludic/runtime';

/** `sample` draws from the distribution at a temperature, `greedy` takes the most likely token. */
export type SamplingKind = 'sample' | 'greedy';

/**
 * Declares the outputs of sampling from logits [answers, vocabSize]. Greedy: `tokens` [answers] int64. Else the inputs of
 * `samplingInputs`, `sample_rows` [samples] int32, `uniforms` [samples] and `inverse_temperature` [], and the outputs
 * `tokens` [samples] int32, `logprobs` and `entropies` [samples] in nats.
 */
export function sampleTokens(graph: Graph, logits: Value, vocabSize: number, kind: SamplingKind): void {
  if (kind === 'greedy') {
    graph.output('tokens', argmax(logits));
    return;
  }
  const at = graph.input('sample_rows', 'int32', ['samples']);
  const uniforms = graph.input('uniforms', 'float32', ['samples']);
  const scaled = mul(logits, graph.input('inverse_temperature', 'float32', []));
  const table = sub(scaled, logSumExp(scaled));
  const weights = exp(table);

  const width = Math.ceil(Math.sqrt(vocabSize));
  const blocks = Math.ceil(vocabSize / width);
  const padded = padColumns(weights, vocabSize, blocks * width);
  const sums = sum(reshape(padded, ['answers', blocks, width]), [2]);
  const ends = gatherRows(cumulativeSum(sums, 1), at);
  const total = split(ends, 1, [blocks - 1, 1])[1]!;
  const target = mul(total, reshape(uniforms, ['samples', 1]));
  const block = passed(ends, target, blocks);
  // What the blocks before the chosen one hold.
  const before = sum(mul(gatherRows(sums, at), notLess(target, ends)), [1], { keepDims: true });

  const integer = (value: number) => graph.constant(Int32Array.of(value), []);
  const row = add(mul(at, integer(blocks)), cast(block, 'int32'));
  const inside = gatherRows(reshape(padded, [multiplyDimensions('answers', blocks), width]), row);
  const place = passed(cumulativeSum(inside, 1), sub(target, before), width);
  const token = minimum(add(scale(block, width), place), graph.scalar(vocabSize - 1));
  const tokens = cast(token, 'int32');
  const flat = reshape(table, [multiplyDimensions('answers', vocabSize)]);
  graph.output('tokens', tokens);
  graph.output('logprobs', gatherElements(flat, add(mul(at, integer(vocabSize)), tokens)));
  graph.output('entropies', gatherElements(neg(sum(mul(weights, table), [1])), at));
}

/** The largest float32 below 1. */
const BELOW_ONE = 1 - 2 ** -24;

/** The inputs of drawing one token for each uniform number in [0, 1), by the logits of row `rows[i]`. */
export function samplingInputs(
  rows: readonly number[],
  uniforms: readonly number[],
  temperature: number,
): Record<'sample_rows' | 'uniforms' | 'inverse_temperature', HostTensor> {
  return {
    sample_rows: int32(rows, [rows.length]),
    uniforms: float32(
      uniforms.map((uniform) => Math.min(uniform, BELOW_ONE)),
      [uniforms.length],
    ),
    inverse_temperature: scalar(1 / temperature),
  };
}

/** 1 where a ≥ b, else 0. */
const notLess = (a: Value, b: Value): Value => sub(a.graph.scalar(1), cast(less(a, b), 'float32'));

/** How many of the running sums [samples, size] the target [samples, 1] has reached, [samples]; less than `size`. */
const passed = (ends: Value, target: Value, size: number): Value =>
  minimum(sum(notLess(target, ends), [1]), ends.graph.scalar(size - 1));

/** Columns of zeros behind x [rows, from], up to `to` of them. */
function padColumns(x: Value, from: number, to: number): Value {
  if (from === to) return x;
  const some = split(x, 1, [to - from, from - (to - from)])[0]!;
  return concat([x, scale(some, 0)], 1);
}
