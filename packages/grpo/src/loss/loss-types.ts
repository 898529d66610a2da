// The loss types, one row each: what a token's loss is, what the sum over tokens is divided by, and where the ratio is
// cut off. A new loss type is a row here and, where its surrogate is new, a graph function in `loss.ts`. Data alone, so that
// a page that lists the types loads no graph. Source: TRL's GRPOTrainer; https://arxiv.org/abs/2402.03300 (GRPO),
// 2503.20783 (Dr. GRPO), 2503.14476 (DAPO), 2506.13585 (CISPO), 2511.20347 (SAPO).

/**
 * The loss of one token from its ratio r and its advantage A.
 * - clipped: −min(r·A, clip(r)·A), as in PPO
 * - capped: −min(r, cap)·A·log π, with no gradient through the ratio
 * - gated: −gate(r)·A, where a sigmoid takes the place of the clip
 */
export type Surrogate = 'clipped' | 'capped' | 'gated';

/**
 * What the sum over tokens is divided by.
 * - episode: the mean over episodes of the mean over an episode's tokens
 * - micro_batch: the number of tokens that are given at once
 * - batch: the number of tokens of the whole optimizer batch
 * - constant: episodes · the longest completion that is allowed
 */
export type Averaging = 'episode' | 'micro_batch' | 'batch' | 'constant';

interface LossRow {
  readonly surrogate: Surrogate;
  readonly averaging: Averaging;
  /** The default of `epsilonHigh`. */
  readonly epsilonHigh: number;
}

/** Every type takes ratios of tokens or of sequences: GSPO is `grpo` with `importanceSamplingLevel: 'sequence'`. */
export const LOSSES = {
  grpo: { surrogate: 'clipped', averaging: 'episode', epsilonHigh: 0.2 },
  bnpo: { surrogate: 'clipped', averaging: 'micro_batch', epsilonHigh: 0.2 },
  dr_grpo: { surrogate: 'clipped', averaging: 'constant', epsilonHigh: 0.2 },
  dapo: { surrogate: 'clipped', averaging: 'batch', epsilonHigh: 0.2 },
  /** The papers cap the ratio at about 5; a cap of 0.2 would leave a fifth of the gradient. */
  cispo: { surrogate: 'capped', averaging: 'batch', epsilonHigh: 5 },
  sapo: { surrogate: 'gated', averaging: 'episode', epsilonHigh: 0.2 },
} as const satisfies Readonly<Record<string, LossRow>>;

/**
 * The name of a loss, as TRL's `loss_type`: how a token's ratio is bounded, and what the sum over tokens is divided by.
 * Sources: https://arxiv.org/abs/2402.03300 (grpo), 2503.20783 (dr_grpo), 2503.14476 (dapo, the default), 2506.13585
 * (cispo), 2511.20347 (sapo); bnpo is TRL's, with the mean over the tokens of a micro-batch.
 */
export type LossType = keyof typeof LOSSES;
export const LOSS_TYPES = Object.keys(LOSSES) as readonly LossType[];

/** The ratio above which a token with a positive advantage is cut off: the cap itself, or the end of the clip range. */
export const upperRatio = (lossType: LossType, epsilonHigh: number): number =>
  LOSSES[lossType].surrogate === 'capped' ? epsilonHigh : 1 + epsilonHigh;
