// The GRPO loss family over a flat list of sampled tokens, as a graph. Masked tokens are simply not in the list, and
// every kind of averaging is a weight per token that is known before the batch is cut into micro-batches: so the loss
// is a sum, and sums over micro-batches, threads and machines give one answer.

import {
  add,
  cast,
  type Dimension,
  exp,
  type Graph,
  gatherElements,
  less,
  maximum,
  minimum,
  mul,
  neg,
  scale,
  scatterAdd,
  sigmoid,
  stopGradient,
  sub,
  sum,
  type Value,
  zerosLike,
} from '@ludic/graph';
import type { LossSettings } from '../settings/loss-settings.ts';

export interface TokenValues {
  /** log π of each token under the parameters that are trained, [tokens]. */
  readonly logprobs: Value;
  /** Entropy of each token's distribution, [tokens]; only looked at with an entropy bonus. */
  readonly entropies: Value;
}

/**
 * Σ weight · loss of the tokens, a scalar to be minimised. Declares the inputs `old_logprobs`, `advantages`, `weights`
 * [tokens]; with beta > 0 `reference_logprobs` [tokens] and `beta` []; with an entropy bonus `entropy_coefficient` []: so
 * both may change from run to run; at sequence level `sequence_of` [tokens] and `inverse_lengths` [sequences].
 */
export function buildLoss(graph: Graph, settings: LossSettings, { logprobs, entropies }: TokenValues): Value {
  const tokens = logprobs.shape[0]!;
  const input = (name: string) => graph.input(name, 'float32', [tokens]);
  const advantages = input('advantages');
  const logRatio = sub(logprobs, input('old_logprobs'));
  const ratio = exp(settings.importanceSamplingLevel === 'token' ? logRatio : sequenceMean(graph, logRatio, tokens));

  let loss = policyLoss(settings, ratio, advantages, logprobs);
  if (settings.beta > 0) {
    const distance = sub(input('reference_logprobs'), logprobs);
    const kl = sub(sub(exp(distance), distance), graph.scalar(1));
    loss = add(loss, mul(settings.useBiasCorrectionKl ? mul(kl, ratio) : kl, graph.input('beta', 'float32', [])));
  }
  if (settings.entropyCoefficient > 0) {
    loss = sub(loss, mul(entropies, graph.input('entropy_coefficient', 'float32', [])));
  }
  return sum(mul(loss, input('weights')));
}

/** The mean log-ratio of a token's sequence, given to each of its tokens. */
function sequenceMean(graph: Graph, logRatio: Value, tokens: Dimension): Value {
  const sequenceOf = graph.input('sequence_of', 'int32', [tokens]);
  const inverseLengths = graph.input('inverse_lengths', 'float32', ['sequences']);
  const totals = scatterAdd(zerosLike(inverseLengths), sequenceOf, logRatio);
  return gatherElements(mul(totals, inverseLengths), sequenceOf);
}

/** The loss of each token but for KL and entropy. */
function policyLoss(settings: LossSettings, ratio: Value, advantages: Value, logprobs: Value): Value {
  const { graph } = ratio;
  const { lossType, epsilon, epsilonHigh, delta } = settings;
  switch (lossType) {
    case 'cispo': {
      const capped = stopGradient(minimum(ratio, graph.scalar(epsilonHigh)));
      return neg(mul(mul(capped, advantages), logprobs));
    }
    case 'sapo':
      return neg(mul(softGate(settings, ratio, advantages), advantages));
    case 'grpo':
    case 'bnpo':
    case 'dr_grpo':
    case 'dapo': {
      const clipped = maximum(minimum(ratio, graph.scalar(1 + epsilonHigh)), graph.scalar(1 - epsilon));
      const unclipped = delta === undefined ? ratio : minimum(ratio, graph.scalar(delta));
      return neg(minimum(mul(unclipped, advantages), mul(clipped, advantages)));
    }
    default:
      return lossType satisfies never;
  }
}

/** 4/τ · sigmoid(τ·(r − 1)), with one temperature τ for positive advantages and another for the rest. */
function softGate({ sapoTemperaturePos, sapoTemperatureNeg }: LossSettings, ratio: Value, advantages: Value): Value {
  const { graph } = ratio;
  const centred = sub(ratio, graph.scalar(1));
  const gate = (temperature: number) => scale(sigmoid(scale(centred, temperature)), 4 / temperature);
  const positive = isPositive(advantages);
  return add(mul(gate(sapoTemperaturePos), positive), mul(gate(sapoTemperatureNeg), sub(graph.scalar(1), positive)));
}

function isPositive(x: Value): Value {
  return stopGradient(cast(less(x.graph.scalar(0), x), 'float32'));
}
