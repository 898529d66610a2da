// The graph of one micro-batch: log-probabilities, loss, and the gradient of every parameter added onto what earlier
// micro-batches gave.

import { add, div, Graph, gradients, mul, neg, serialize, sum } from '@ludic/graph';
import type { ModelConfig } from '@ludic/models';
import { buildScoring, type ScoringOptions, type TreeLevels } from '@ludic/models/internal';
import type { LossSettings } from '../settings/loss-settings.ts';
import { buildLoss } from './loss.ts';

/** What is minimised: a GRPO loss, or the weighted negative log-likelihood of given replies. */
export type Objective = LossSettings | 'supervised';

/**
 * Inputs: those of `buildScoring`, of the objective, and, where there is a gradient to add to, `sum.NAME` for each
 * trained parameter; with products in float16 `loss_scale` [] (see `lossScale`). Outputs: `gradient.NAME` = (`sum.NAME` +) d loss / d NAME, `loss` [], `logprobs` and `entropies` [targets].
 */
export function buildGradient(
  config: ModelConfig,
  objective: Objective,
  levels: TreeLevels,
  { addTo, ...options }: ScoringOptions & { readonly addTo: boolean },
): Uint8Array {
  const graph = new Graph('gradient');
  const scores = buildScoring(graph, config, levels, options);
  const loss =
    objective === 'supervised'
      ? neg(sum(mul(scores.logprobs, graph.input('weights', 'float32', scores.logprobs.shape))))
      : buildLoss(graph, objective, scores, options.baseBits !== undefined);
  const parameters = [...scores.parameters];
  const lossScale = options.precision === 'float16' ? graph.input('loss_scale', 'float32', []) : undefined;
  const found = gradients(
    lossScale ? mul(loss, lossScale) : loss,
    parameters.map(([, value]) => value),
  );
  for (const [i, [name, { shape }]] of parameters.entries()) {
    const own = lossScale ? div(found[i]!, lossScale) : found[i]!;
    graph.output(`gradient.${name}`, addTo ? add(graph.input(`sum.${name}`, 'float32', shape), own) : own);
  }
  graph.output('loss', loss);
  graph.output('logprobs', scores.logprobs);
  graph.output('entropies', scores.entropies);
  return serialize(graph);
}

/** Inputs: those of `buildScoring`. Outputs: `logprobs` and `entropies` [targets]. */
export function buildScorer(config: ModelConfig, levels: TreeLevels, options: ScoringOptions = {}): Uint8Array {
  const graph = new Graph('score');
  const { logprobs, entropies } = buildScoring(graph, config, levels, options);
  graph.output('logprobs', logprobs);
  graph.output('entropies', entropies);
  return serialize(graph);
}
