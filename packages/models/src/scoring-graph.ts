// The graph of training: log-probabilities and entropies of chosen tokens, differentiable in every parameter. Tokens
// are packed without padding except inside attention; a prefix that all rows share is computed once; logits exist only
// where a token is scored.

import {
  addDimensions,
  type Cut,
  cutAt,
  exp,
  gatherRows,
  type Graph,
  joinAt,
  logSoftmax,
  mul,
  multiplyDimensions,
  neg,
  packRows,
  pickFromRows,
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
  /** log π of each scored token at the temperature of the run, [scored]. */
  readonly logprobs: Value;
  /** Entropy in nats of each scored token's distribution, [scored]. */
  readonly entropies: Value;
}

/**
 * Adds the network to `graph`. Inputs beside the parameters are what `packSequences` makes, `inverse_temperature` [],
 * `scored_at` [scored] (the packed token whose next token is scored) and `scored_ids` [scored] (that next token).
 */
export function buildScoring(graph: Graph, config: ModelConfig, { sharedPrefix }: { readonly sharedPrefix: boolean }): ScoringOutputs {
  const { parameters, all } = parameterInputs(graph, config);
  const tokens = tokenInputs(graph, config, String(sharedPrefix ? addDimensions('prefix', 'rowTokens') : 'rowTokens'));
  const attention = sharedPrefix ? prefixAttention(graph, config) : rowAttention(graph, config);
  const hidden = llamaLayers(config, parameters, tokens, attention);

  const scored = gatherRows(hidden, graph.input('scored_at', 'int64', ['scored']));
  const logits = mul(llamaHead(config, parameters, scored), graph.input('inverse_temperature', 'float32', []));
  const all_logprobs = logSoftmax(logits);
  return {
    parameters: all,
    logprobs: pickFromRows(all_logprobs, graph.input('scored_ids', 'int64', ['scored'])),
    entropies: neg(sum(mul(exp(all_logprobs), all_logprobs), [1])),
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

export const queriesPerKeyHead = (steps: string, { heads, kvHeads }: Heads) => multiplyDimensions(steps, heads / kvHeads);
