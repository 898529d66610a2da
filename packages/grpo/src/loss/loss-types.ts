// The loss types, one row each: what a token's loss is, what the sum over tokens is divided by, and where the ratio is
// cut off. A new loss type is a row here and, where its surrogate is new, a graph function in `loss.ts`; a user's own is one
// more row, with its function in it. Data alone, so that a page that lists the types loads no graph.
// Source: TRL's GRPOTrainer; https://arxiv.org/abs/2402.03300 (GRPO), 2503.20783 (Dr. GRPO), 2503.14476 (DAPO), 2506.13585
// (CISPO), 2511.20347 (SAPO).

import type { Graph, Value } from '@ludic/graph';
import { needSetting } from '../errors.ts';
import type { LossSettings } from '../settings/loss-settings.ts';

/**
 * What the loss of a token may be made of: values of the graph, [tokens] where nothing else is said. Tokens are those of the
 * replies that are learned from, one behind the other: what a mask would hide is not among them.
 */
export interface LossTokens {
  /** For constants: `graph.scalar(0.5)`. */
  readonly graph: Graph;
  /** log π under the parameters that are trained: gradients pass through it. */
  readonly logprobs: Value;
  /** log π when the token was sampled. */
  readonly oldLogprobs: Value;
  /** π / π_old, of the token or of its whole reply, as `importanceSamplingLevel` says. */
  readonly ratio: Value;
  readonly advantages: Value;
  /** Entropy of the distribution that the token was drawn from, in nats. */
  readonly entropies: Value;
  /** What each loss is multiplied by before they are added up. */
  readonly weights: Value;
  /** log π under the reference policy, and the weight of the KL term now, []: where `beta` is above 0. */
  readonly reference?: { readonly logprobs: Value; readonly beta: Value };
}

/** The loss of each token, [tokens], built of operators of the graph: so it has its gradient, and runs on every device. */
export type TokenLoss = (tokens: LossTokens, settings: LossSettings) => Value;

/**
 * The loss of one token from its ratio r and its advantage A.
 * - clipped: −min(r·A, clip(r)·A), as in PPO
 * - capped: −min(r, cap)·A·log π, with no gradient through the ratio
 * - gated: −gate(r)·A, where a sigmoid takes the place of the clip
 */
export type Surrogate = (typeof SURROGATES)[number];
export const SURROGATES = ['clipped', 'capped', 'gated'] as const;

/**
 * What the sum over tokens is divided by.
 * - episode: the mean over episodes of the mean over an episode's tokens
 * - micro_batch: the number of tokens that are given at once
 * - batch: the number of tokens of the whole optimizer batch
 * - constant: episodes · the longest completion that is allowed
 */
export type Averaging = (typeof AVERAGINGS)[number];
export const AVERAGINGS = ['episode', 'micro_batch', 'batch', 'constant'] as const;

/** A loss type. Where `beta` or `entropyCoefficient` is above 0, the KL term and the entropy bonus are added to its surrogate. */
export interface LossRow {
  /** The loss of a token but for those: one of Ludic's own, or a function. */
  readonly surrogate: Surrogate | TokenLoss;
  readonly averaging: Averaging;
  /** The default of `epsilonHigh`; 0.2 where it is left out. */
  readonly epsilonHigh?: number;
  /** The surrogate takes `reference` into account by itself: no KL term is added. */
  readonly hasOwnKl?: boolean;
}

/** Every type takes ratios of tokens or of sequences: GSPO is `grpo` with `importanceSamplingLevel: 'sequence'`. */
const LOSSES = {
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
export type BuiltInLoss = keyof typeof LOSSES;
/** The name of a loss: a `BuiltInLoss`, or one that `registerLoss` added. */
export type LossType = BuiltInLoss | (string & {});
export const LOSS_TYPES = Object.keys(LOSSES) as readonly BuiltInLoss[];

const losses = new Map<string, LossRow>(Object.entries(LOSSES));

/** The names of all losses, Ludic's own first. */
export const lossNames = (): readonly string[] => [...losses.keys()];

/** @throws GrpoError `bad_setting` for a name that no loss has */
export function lossRow(lossType: LossType): LossRow & { readonly epsilonHigh: number } {
  const row = losses.get(lossType);
  needSetting('lossType', lossType, `one of ${lossNames().join(', ')}`, row !== undefined);
  return { epsilonHigh: 0.2, ...row! };
}

/** Adds a loss: from then on its name is taken as a loss type. @throws GrpoError `bad_setting` for a name that is taken */
export function registerLoss(lossType: string, row: LossRow): void {
  needSetting('lossType', lossType, 'a name that no other loss has', !losses.has(lossType));
  losses.set(lossType, row);
}

/** The ratio above which a token with a positive advantage is cut off: the cap itself, or the end of the clip range. */
export const upperRatio = (lossType: LossType, epsilonHigh: number): number =>
  lossRow(lossType).surrogate === 'capped' ? epsilonHigh : 1 + epsilonHigh;
