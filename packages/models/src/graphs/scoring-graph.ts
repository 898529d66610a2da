// The graph of training: log-probabilities and entropies of chosen tokens, differentiable in every parameter. Tokens
// are packed without padding except inside attention; what sequences share is computed once; logits exist only where a
// token is scored.

import { chosenLogprobs, entropyOfRows, type Graph, gatherElements, gatherRows, mul, type Value } from '@ludic/graph';
import type { LoraConfig } from '../adapters/adapter.ts';
import { hiddenStates } from '../architectures/hidden-states.ts';
import type { Precision } from '../architectures/precision.ts';
import { familyOf } from '../architectures/registry.ts';
import type { ModelConfig } from '../config/model-config.ts';
import { tokenInputs, weightInputs } from './packed-input.ts';
import { type TreeLevels, treeAttention, treeTokens } from './tree-attention.ts';

export interface ScoringOptions {
  /** Trained beside the parameters, which are then frozen. */
  readonly adapter?: LoraConfig | undefined;
  /** Compute each layer again when its gradient is due, instead of keeping what is inside. */
  readonly recompute?: boolean | undefined;
  /** What matrix products are taken in; by default float32. All else is float32 in any case. */
  readonly precision?: Precision | undefined;
}

export interface ScoringOutputs {
  /** The parameters that are trained, as inputs, by name in the checkpoint: the adapter's where there is one. */
  readonly parameters: ReadonlyMap<string, Value>;
  /** log π of each chosen token at the temperature of the run, [chosen]. */
  readonly logprobs: Value;
  /** Entropy in nats of the distribution that each chosen token was drawn from, [chosen]. */
  readonly entropies: Value;
}

/**
 * Adds the network to `graph`. Inputs beside the parameters are what `packTree` makes, `inverse_temperature` [],
 * `points` [points] (packed tokens after which something was chosen), `chosen_at` [chosen] (which point each choice
 * belongs to) and `chosen` [chosen] (point · vocabSize + token id). Many choices may share a point: it is computed once.
 */
export function buildScoring(
  graph: Graph,
  config: ModelConfig,
  levels: TreeLevels,
  { adapter, recompute = false, precision }: ScoringOptions = {},
): ScoringOutputs {
  const { weights, exact, trained } = weightInputs(graph, config, adapter, precision);
  const tokens = tokenInputs(graph, config, String(treeTokens(levels)));
  const attention = treeAttention(graph, { ...config, precision }, levels);
  const hidden = hiddenStates({ config, weights, tokens, attention }, { recompute });

  const points = gatherRows(hidden, graph.input('points', 'int32', ['points']));
  const logits = mul(familyOf(config).head(config, exact, points), graph.input('inverse_temperature', 'float32', []));
  const chosenAt = graph.input('chosen_at', 'int32', ['chosen']);
  return {
    parameters: trained,
    logprobs: chosenLogprobs(logits, graph.input('chosen', 'int32', ['chosen']), chosenAt),
    entropies: gatherElements(entropyOfRows(logits), chosenAt),
  };
}
