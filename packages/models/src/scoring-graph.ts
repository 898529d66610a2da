// The graph of training: log-probabilities and entropies of chosen tokens, differentiable in every parameter. Tokens
// are packed without padding except inside attention; a prefix that all rows share is computed once; logits exist only
// where a token is scored.

import {
  addDimensions,
  type Cut,
  cutAt,
  exp,
  type Graph,
  gatherElements,
  gatherRows,
  joinAt,
  logSoftmax,
  mul,
  multiplyDimensions,
  neg,
  packRows,
  repeatRows,
  reshape,
  sum,
  unpackRows,
  type Value,
} from '@ludic/graph';
import { attend, type Heads, splitKeyHeads } from './attention.ts';
import type { ModelConfig } from './config.ts';
import { type Attention, llamaHead, llamaLayers } from './llama.ts';
import { parameterInputs, rowInputs, tokenInputs } from './packed-input.ts';

export interface ScoringOutputs {
  /** The parameters, as inputs, by name in the checkpoint. */
  readonly parameters: ReadonlyMap<string, Value>;
  /** log π of each chosen token at the temperature of the run, [chosen]. */
  readonly logprobs: Value;
  /** Entropy in nats of the distribution that each chosen token was drawn from, [chosen]. */
  readonly entropies: Value;
}

/**
 * Adds the network to `graph`. Inputs beside the parameters are what `packSequences` makes, `inverse_temperature` [],
 * `points` [points] (packed tokens after which something was chosen), `chosen_at` [chosen] (which point each choice
 * belongs to) and `chosen` [chosen] (point · vocabSize + token id). Many choices may share a point: it is computed once.
 */
export function buildScoring(
  graph: Graph,
  config: ModelConfig,
  { sharedPrefix }: { readonly sharedPrefix: boolean },
): ScoringOutputs {
  const { parameters, all } = parameterInputs(graph, config);
  const tokens = tokenInputs(graph, config, String(sharedPrefix ? addDimensions('prefix', 'rowTokens') : 'rowTokens'));
  const attention = sharedPrefix ? prefixAttention(graph, config) : rowAttention(graph, config);
  const hidden = llamaLayers(config, parameters, tokens, attention);

  const points = gatherRows(hidden, graph.input('points', 'int64', ['points']));
  const logits = mul(llamaHead(config, parameters, points), graph.input('inverse_temperature', 'float32', []));
  const table = logSoftmax(logits);
  const flat = reshape(table, [multiplyDimensions('points', config.vocabSize)]);
  const entropies = neg(sum(mul(exp(table), table), [1]));
  return {
    parameters: all,
    logprobs: gatherElements(flat, graph.input('chosen', 'int64', ['chosen'])),
    entropies: gatherElements(entropies, graph.input('chosen_at', 'int64', ['chosen'])),
  };
}

/** Each row looks at itself. */
function rowAttention(graph: Graph, heads: Heads): Attention {
  const layout = rowInputs(graph, 'rowTokens');
  const bias = graph.input('bias', 'float32', [1, 1, queriesPerKeyHead('steps', heads), 'steps']);
  return (_, queries, keys, values) => {
    const rows = (x: Value) => splitKeyHeads(unpackRows(x, layout), heads);
    return packRows(attend(unpackRows(queries, layout), rows(keys), rows(values), bias, heads), layout);
  };
}

/** The first tokens are a prefix that looks at itself; each row looks at the prefix and at itself. */
function prefixAttention(graph: Graph, heads: Heads): Attention {
  const layout = rowInputs(graph, 'rowTokens');
  const tokenCut: Cut = { sizes: ['prefix', 'rowTokens'], at: graph.input('token_cut', 'int64', [2]) };
  const keyCut: Cut = { sizes: ['prefix', 'steps'], at: graph.input('key_cut', 'int64', [2]) };
  const prefixRow = graph.input('prefix_row', 'int64', ['rows']);
  const prefixBias = graph.input('prefix_bias', 'float32', [1, 1, queriesPerKeyHead('prefix', heads), 'prefix']);
  const keyCount = addDimensions('prefix', 'steps');
  const bias = graph.input('bias', 'float32', [1, 1, queriesPerKeyHead('steps', heads), keyCount]);
  return (_, queries, keys, values) => {
    const [prefixQueries, rowQueries] = cutAt(queries, 0, tokenCut);
    const prefixAndRows = (x: Value): readonly [Value, Value] => {
      const [prefix, rows] = cutAt(x, 0, tokenCut);
      const first = splitKeyHeads(oneRow(prefix), heads);
      return [first, joinAt(repeatRows(first, prefixRow), splitKeyHeads(unpackRows(rows, layout), heads), 2, keyCut)];
    };
    const [prefixKeys, rowKeys] = prefixAndRows(keys);
    const [prefixValues, rowValues] = prefixAndRows(values);
    const mixedPrefix = attend(oneRow(prefixQueries), prefixKeys, prefixValues, prefixBias, heads);
    const mixedRows = attend(unpackRows(rowQueries, layout), rowKeys, rowValues, bias, heads);
    return joinAt(reshape(mixedPrefix, prefixQueries.shape), packRows(mixedRows, layout), 0, tokenCut);
  };
}

export const oneRow = (x: Value): Value => reshape(x, [1, ...x.shape]);

export const queriesPerKeyHead = (steps: string, { heads, kvHeads }: Heads) =>
  multiplyDimensions(steps, heads / kvHeads);
