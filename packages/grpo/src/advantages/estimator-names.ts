// The names of the estimators, Ludic's own and the user's: what settings and forms need of them, without what they compute.

import type { Episode } from '@ludic/rollouts';
import { needSetting } from '../errors.ts';
import type { AdvantageSettings } from './estimators.ts';

export const ADVANTAGE_ESTIMATORS = ['episode', 'turn', 'group_turn', 'td', 'situation'] as const;
export type BuiltInEstimator = (typeof ADVANTAGE_ESTIMATORS)[number];
/**
 * Which rewards a turn is credited with, and what they are compared with: a `BuiltInEstimator`, see `AdvantageSettings`, or
 * one that `registerAdvantages` added.
 */
export type AdvantageEstimator = BuiltInEstimator | (string & {});

/**
 * An estimator of the user: pure, from the games of a batch to one advantage per episode and turn, which are used as they
 * are. Failed episodes are among the games; what is said of them is not learned from.
 * @param groups which group each episode belongs to, from 0
 */
export type AdvantageFunction = (
  episodes: readonly Episode[],
  groups: readonly number[],
  settings: AdvantageSettings,
) => readonly ArrayLike<number>[];

/** By name. */
export const ownEstimators = new Map<string, AdvantageFunction>();

/** The names of all estimators, Ludic's own first. */
export const estimatorNames = (): readonly string[] => [...ADVANTAGE_ESTIMATORS, ...ownEstimators.keys()];

/** Adds an estimator: from then on its name is taken as one. @throws GrpoError `bad_setting` for a name that is taken */
export function registerAdvantages(name: string, estimate: AdvantageFunction): void {
  needSetting('advantageEstimator', name, 'a name that no other has', !estimatorNames().includes(name));
  ownEstimators.set(name, estimate);
}
