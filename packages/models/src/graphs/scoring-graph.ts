// The graph of training: log-probabilities and entropies of target tokens, differentiable in every parameter. Tokens
// are packed without padding except inside attention; what sequences share is computed once; logits exist only where a
// token is scored.

import { type Graph, gatherElements, gatherRows, mul, type Value } from '@ludic/graph';
import { entropyOfRows, targetLogprobs } from '@ludic/graph/internal';
import { type HostTensor, int32, scalar } from '@ludic/runtime';
import { hiddenStates } from '../architectures/hidden-states.ts';
import { familyOf } from '../architectures/registry.ts';
import type { ModelConfig } from '../config/model-config.ts';
import { declareTokens } from './packed-tokens.ts';
import { type TreeLevels, treeAttention, treeTokens } from './tree-attention.ts';
import { declareWeights, type WeightForm } from './weight-inputs.ts';

/** An adapter is trained beside the parameters, which are then frozen. */
export interface ScoringOptions extends WeightForm {
  /** Compute each layer again when its gradient is due, instead of keeping what is inside. */
  readonly gradientCheckpointing?: boolean | undefined;
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
 * Adds the network to `graph`. Inputs beside the parameters are what `packTree` makes and, of `scoringInputs`,
 * `inverse_temperature` [], `logit_positions` [logitPositions] (packed tokens whose logits are computed), `target_rows` [targets] (which of these
 * logits each target is scored by) and `target_ids` [targets] (row · vocabSize + token id). Many targets may share a row.
 */
export function buildScoring(
  graph: Graph,
  config: ModelConfig,
  levels: TreeLevels,
  { gradientCheckpointing, ...options }: ScoringOptions = {},
): ScoringOutputs {
  const { weights, exact, trained } = declareWeights(graph, config, options);
  const { precision } = options;
  const tokens = declareTokens(graph, config, String(treeTokens(levels)));
  const attention = treeAttention(graph, { ...config, precision }, levels);
  const hidden = hiddenStates({ config, weights, tokens, attention }, gradientCheckpointing);

  const answers = gatherRows(hidden, graph.input('logit_positions', 'int32', ['logitPositions']));
  const logits = mul(familyOf(config).head(config, exact, answers), graph.input('inverse_temperature', 'float32', []));
  const targetRows = graph.input('target_rows', 'int32', ['targets']);
  return {
    parameters: trained,
    logprobs: targetLogprobs(logits, graph.input('target_ids', 'int32', ['targets']), targetRows),
    entropies: gatherElements(entropyOfRows(logits), targetRows),
  };
}

/** A token whose log-probability is wanted: its id, and the packed token that it comes after. */
export type Target = readonly [after: number, id: number];

/**
 * The inputs of `buildScoring` that say what is scored, in the order of the targets. Targets after the same token share a
 * row of logits.
 */
export function scoringInputs(
  { vocabSize }: ModelConfig,
  targets: Iterable<Target>,
  temperature = 1,
): Record<'logit_positions' | 'target_rows' | 'target_ids' | 'inverse_temperature', HostTensor> {
  const rowAfter = new Map<number, number>();
  const targetRows: number[] = [];
  const targetIds: number[] = [];
  for (const [after, id] of targets) {
    let row = rowAfter.get(after);
    if (row === undefined) rowAfter.set(after, (row = rowAfter.size));
    targetRows.push(row);
    targetIds.push(row * vocabSize + id);
  }
  return {
    logit_positions: int32([...rowAfter.keys()], [rowAfter.size]),
    target_rows: int32(targetRows, [targetRows.length]),
    target_ids: int32(targetIds, [targetIds.length]),
    inverse_temperature: scalar(1 / temperature),
  };
}
