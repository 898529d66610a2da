// The settings of the loss, named as TRL's GRPOConfig names them (in camel case), with their defaults.

import { type LossType, lossRow } from '../loss/loss-types.ts';

export const SCALE_REWARDS = ['group', 'batch', 'none'] as const;
export type ScaleRewards = (typeof SCALE_REWARDS)[number];

export const IMPORTANCE_SAMPLING_LEVELS = ['token', 'sequence'] as const;
export type ImportanceSamplingLevel = (typeof IMPORTANCE_SAMPLING_LEVELS)[number];

/**
 * The loss of a token, by TRL's GRPOConfig in camel case: surrogate(r, A) + beta · KL − entropyCoefficient · entropy,
 * where r is π/π_old of the token or of its reply. KL and entropy are in nats.
 * Sources: https://arxiv.org/abs/2402.03300 (the k3 estimate of KL), 2503.14476 (epsilonHigh apart from epsilon),
 * 2507.18071 (ratios of sequences), 2511.20347 (the temperatures).
 */
export interface LossSettings {
  readonly lossType: LossType;
  /** Whether the ratio is taken of each token, or is one per reply: the geometric mean of its tokens' ratios (GSPO). */
  readonly importanceSamplingLevel: ImportanceSamplingLevel;
  /** The ratio is clipped to [1 − epsilon, 1 + epsilonHigh]. For `cispo` epsilonHigh is itself the cap. */
  readonly epsilon: number;
  readonly epsilonHigh: number;
  /** Upper cap on the ratio of the unclipped branch; above 1 + epsilon. */
  readonly delta?: number;
  /** Weight of the KL term against the reference policy; 0 needs no reference. */
  readonly beta: number;
  /** Multiply the k3 estimate by the ratio, so that its gradient is that of the reverse KL. */
  readonly useBiasCorrectionKl: boolean;
  /** Weight of the entropy bonus. */
  readonly entropyCoefficient: number;
  /** Of the soft gate of `sapo`, for tokens with a positive advantage and for all others. */
  readonly sapoTemperaturePos: number;
  readonly sapoTemperatureNeg: number;
}

/** Weights of the extra terms of the loss, which may change from step to step. */
export type LossCoefficients = Pick<LossSettings, 'beta' | 'entropyCoefficient'>;

/** DAPO's loss with ratios of tokens clipped to 0.8 to 1.2, without a KL term and without an entropy bonus. */
export const DEFAULT_LOSS: LossSettings = {
  lossType: 'dapo',
  importanceSamplingLevel: 'token',
  epsilon: 0.2,
  epsilonHigh: lossRow('dapo').epsilonHigh,
  beta: 0,
  useBiasCorrectionKl: true,
  entropyCoefficient: 0,
  sapoTemperaturePos: 1,
  sapoTemperatureNeg: 1.05,
};
