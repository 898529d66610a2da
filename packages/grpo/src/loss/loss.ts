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
import { float32, type HostTensor, int32, scalar } from '@ludic/runtime';
import { type Sample, tokenColumns } from '../batching/samples.ts';
import { GrpoError } from '../errors.ts';
import type { LossSettings } from '../settings/loss-settings.ts';
import { type LossTokens, type LossType, lossRow, type Surrogate, type TokenLoss, upperRatio } from './loss-types.ts';

export interface TokenValues {
  /** log π of each token under the parameters that are trained, [tokens]. */
  readonly logprobs: Value;
  /** Entropy of each token's distribution, [tokens]; only looked at with an entropy bonus. */
  readonly entropies: Value;
}

/** Largest weight of a token for which the trainer finds a higher probability than the sampler. */
export const IMPORTANCE_CAP = 2;

/**
 * Σ weight · loss of the tokens, a scalar to be minimised. Declares the inputs `old_logprobs`, `advantages`, `weights`
 * [tokens]; where the sampler rounds otherwise than the trainer, `trainer_logprobs` [tokens] and `is_first_pass` []; with beta > 0 `reference_logprobs` [tokens] and `beta` []; with an entropy bonus `entropy_coefficient` []: so
 * both may change from run to run; at sequence level `sequence_of` [tokens] and `inverse_lengths` [sequences].
 */
export function buildLoss(
  graph: Graph,
  settings: LossSettings,
  { logprobs, entropies }: TokenValues,
  samplerRounds = false,
): Value {
  const tokens = logprobs.shape[0]!;
  const input = (name: string) => graph.input(name, 'float32', [tokens]);
  const { old, advantages } = samplerRounds
    ? corrected(graph, input, logprobs)
    : { old: input('old_logprobs'), advantages: input('advantages') };
  const logRatio = sub(logprobs, old);
  const ratio = exp(settings.importanceSamplingLevel === 'token' ? logRatio : sequenceMean(graph, logRatio, tokens));

  const weights = input('weights');
  const reference =
    settings.beta > 0 ? { logprobs: input('reference_logprobs'), beta: graph.input('beta', 'float32', []) } : undefined;
  const given = { graph, logprobs, oldLogprobs: old, ratio, advantages, entropies, weights };
  const { surrogate, hasOwnKl } = lossRow(settings.lossType);
  let loss =
    typeof surrogate === 'string'
      ? TOKEN_LOSSES[surrogate](given, settings)
      : ownLoss(surrogate, { ...given, ...(reference && { reference }) }, settings);
  if (reference && !hasOwnKl) {
    const distance = sub(reference.logprobs, logprobs);
    const kl = sub(sub(exp(distance), distance), graph.scalar(1));
    loss = add(loss, mul(settings.useBiasCorrectionKl ? mul(kl, ratio) : kl, reference.beta));
  }
  if (settings.entropyCoefficient > 0) {
    loss = sub(loss, mul(entropies, graph.input('entropy_coefficient', 'float32', [])));
  }
  return sum(mul(loss, weights));
}

/** What a function of the user gives. @throws GrpoError `bad_plugin` where it is not one loss a token */
function ownLoss(build: TokenLoss, tokens: LossTokens, settings: LossSettings): Value {
  const { graph, logprobs } = tokens;
  const bad = (what: string, cause?: unknown) =>
    new GrpoError('bad_plugin', `The loss ${settings.lossType} ${what}`, { cause });
  let loss: Value | undefined;
  try {
    loss = build(tokens, settings);
  } catch (error) {
    throw bad(`failed: ${error instanceof Error ? error.message : String(error)}`, error);
  }
  if (loss?.graph === graph && loss.type === 'float32' && `${loss.shape}` === `${logprobs.shape}`) return loss;
  const given = loss?.graph === graph ? `${loss.type} [${loss.shape.join(', ')}]` : 'no value of the graph';
  throw bad(`gives ${given}; it must give the loss of each token, float32 [${logprobs.shape}], which Ludic adds up.`);
}

/**
 * Of a sampler whose products are rounded more than the trainer's: the policy is compared with what the trainer itself found
 * before the first update (in the first pass: with what it finds now), and a token counts by how much more likely it was there than to the sampler, at
 * most `IMPORTANCE_CAP` times. Sources: https://arxiv.org/abs/2505.24298 (the two ratios), https://arxiv.org/abs/1802.01561 (the bound).
 */
function corrected(graph: Graph, input: (name: string) => Value, logprobs: Value): { old: Value; advantages: Value } {
  const isFirst = graph.input('is_first_pass', 'float32', []);
  const old = add(mul(stopGradient(logprobs), isFirst), mul(input('trainer_logprobs'), sub(graph.scalar(1), isFirst)));
  const importance = minimum(exp(sub(old, input('old_logprobs'))), graph.scalar(IMPORTANCE_CAP));
  return { old, advantages: mul(input('advantages'), importance) };
}

/**
 * The inputs that `buildLoss` declares, but for its coefficients: [tokens], and [sequences] for `inverse_lengths`; and
 * `loss_scale` [] of `buildGradient`.
 */
export function lossInputs(samples: readonly Sample[]): Record<string, HostTensor> {
  const { oldLogprobs, trainerLogprobs, referenceLogprobs, advantages, weights, sequenceOf } = tokenColumns(samples);
  const column = (data: Float32Array) => float32(data, [data.length]);
  return {
    old_logprobs: column(oldLogprobs),
    trainer_logprobs: column(trainerLogprobs),
    is_first_pass: scalar(samples.some((sample) => sample.trainerLogprobs) ? 0 : 1),
    reference_logprobs: column(referenceLogprobs),
    advantages: column(advantages),
    weights: column(weights),
    sequence_of: int32(sequenceOf, [sequenceOf.length]),
    inverse_lengths: column(Float32Array.from(samples, ({ completion }) => 1 / Math.max(1, completion.length))),
    loss_scale: scalar(lossScale(samples)),
  };
}

/**
 * The power of two that brings the largest weight of a token in the loss to between 1/2 and 1. Gradients that pass through
 * products in float16 must lie between 2⁻²⁴ and 65504. So the loss of a micro-batch is multiplied by it and its gradients
 * are divided by it again, both exactly. It is a function of the micro-batch alone: nothing has to be remembered for a run
 * that is resumed.
 */
export function lossScale(samples: readonly Pick<Sample, 'weight' | 'advantage'>[]): number {
  const largest = samples.reduce(
    (most, { weight, advantage }) => Math.max(most, Math.abs(weight) * Math.max(1, Math.abs(advantage))),
    0,
  );
  return largest > 0 ? 2 ** -Math.ceil(Math.log2(largest)) : 1;
}

/** The mean log-ratio of a token's sequence, given to each of its tokens. */
function sequenceMean(graph: Graph, logRatio: Value, tokens: Dimension): Value {
  const sequenceOf = graph.input('sequence_of', 'int32', [tokens]);
  const inverseLengths = graph.input('inverse_lengths', 'float32', ['sequences']);
  const totals = scatterAdd(zerosLike(inverseLengths), sequenceOf, logRatio);
  return gatherElements(mul(totals, inverseLengths), sequenceOf);
}

/** The loss of each token but for KL and entropy, [tokens]. */
const TOKEN_LOSSES: Readonly<Record<Surrogate, TokenLoss>> = {
  clipped({ graph, ratio, advantages }, { lossType, epsilon, epsilonHigh, delta }) {
    const upper = graph.scalar(upperRatio(lossType, epsilonHigh));
    const clipped = maximum(minimum(ratio, upper), graph.scalar(1 - epsilon));
    const unclipped = delta === undefined ? ratio : minimum(ratio, graph.scalar(delta));
    return neg(minimum(mul(unclipped, advantages), mul(clipped, advantages)));
  },
  capped({ graph, ratio, advantages, logprobs }, { lossType, epsilonHigh }) {
    const upper = graph.scalar(upperRatio(lossType, epsilonHigh));
    return neg(mul(mul(stopGradient(minimum(ratio, upper)), advantages), logprobs));
  },
  gated: ({ ratio, advantages }, settings) => neg(mul(softGate(settings, ratio, advantages), advantages)),
};

/** 4/τ · sigmoid(τ·(r − 1)), with one temperature τ for positive advantages and another for the rest. */
function softGate({ sapoTemperaturePos, sapoTemperatureNeg }: LossSettings, ratio: Value, advantages: Value): Value {
  const { graph } = ratio;
  const centred = sub(ratio, graph.scalar(1));
  const gate = (temperature: number) => scale(sigmoid(scale(centred, temperature)), 4 / temperature);
  const positive = stopGradient(cast(less(graph.scalar(0), advantages), 'float32'));
  return add(mul(gate(sapoTemperaturePos), positive), mul(gate(sapoTemperatureNeg), sub(graph.scalar(1), positive)));
}

export interface WeightOptions {
  readonly lossType: LossType;
  /** The longest completion that is allowed, in tokens; only looked at by `constant` averaging. */
  readonly maxCompletionLength: number;
  /** Action tokens of the whole optimizer batch; only looked at by `batch` averaging. */
  readonly batchTokens: number;
}

/**
 * The weight of each token of an episode, for every episode of a batch of `tokenCounts` action tokens each: by the
 * averaging of the loss type, with denominators of at least 1.
 */
export function tokenWeights(
  tokenCounts: readonly number[],
  { lossType, maxCompletionLength, batchTokens }: WeightOptions,
): number[] {
  const episodes = Math.max(tokenCounts.length, 1);
  const weightsOver = (divisor: (count: number) => number) =>
    tokenCounts.map((count) => 1 / Math.max(divisor(count), 1));
  const { averaging } = lossRow(lossType);
  switch (averaging) {
    case 'episode':
      return weightsOver((count) => Math.max(count, 1) * episodes);
    case 'micro_batch': {
      const own = tokenCounts.reduce((a, b) => a + b, 0);
      return weightsOver(() => own);
    }
    case 'batch':
      return weightsOver(() => batchTokens);
    case 'constant':
      return weightsOver(() => episodes * maxCompletionLength);
    default:
      return averaging satisfies never;
  }
}
