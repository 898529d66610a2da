// The graph of training: log-probabilities and entropies of target tokens, differentiable in every parameter. Tokens
// are packed without padding except inside attention; what sequences share is computed once; logits exist only where a
// token is scored.

import { entropyOfRows, type Graph, gatherElements, gatherRows, mul, targetLogprobs, type Value } from '@ludic/graph';
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
  readonly gradientCheckpointing?: boolean | undefined;
  /** What matrix products are taken in; by default float32. All else is float32 in any case. */
  readonly precision?: Precision | undefined;
}

export interface ScoringOutputs {
  /** The parameters that are trained, as inputs, by name in the checkpoint: the adapter's where there is one. */
  readonly parameters: ReadonlyMap<string, Value>;
  /** log π of each target token at the temperature of the run, [targets]. */
  readonly logprobs: Value;
  /** Entropy in nats of the distribution that each target token was drawn from, [targets]. */
  readonly entropies: Value;
}

/**
 * Adds the network to `graph`. Inputs beside the parameters are what `packTree` makes, `inverse_temperature` [],
 * `logit_positions` [logitPositions] (packed tokens whose logits are computed), `target_rows` [targets] (which of these
 * logits each target is scored by) and `target_ids` [targets] (row · vocabSize + token id). Many targets may share a row.
 */
export function buildScoring(
  graph: Graph,
  config: ModelConfig,
  levels: TreeLevels,
  { adapter, gradientCheckpointing = false, precision }: ScoringOptions = {},
): ScoringOutputs {
  const { weights, exact, trained } = weightInputs(graph, config, adapter, precision);
  const tokens = tokenInputs(graph, config, String(treeTokens(levels)));
  const attention = treeAttention(graph, { ...config, precision }, levels);
  const hidden = hiddenStates({ config, weights, tokens, attention }, { gradientCheckpointing });

  const answers = gatherRows(hidden, graph.input('logit_positions', 'int32', ['logitPositions']));
  const logits = mul(familyOf(config).head(config, exact, answers), graph.input('inverse_temperature', 'float32', []));
  const targetRows = graph.input('target_rows', 'int32', ['targets']);
  return {
    parameters: trained,
    logprobs: targetLogprobs(logits, graph.input('target_ids', 'int32', ['targets']), targetRows),
    entropies: gatherElements(entropyOfRows(logits), targetRows),
  };
}
