// Estimators of the user, in place of Ludic's own: what they give is checked, since a wrong number would teach without a word.

import type { Episode } from '@ludic/rollouts';
import { GrpoError } from '../errors.ts';
import type { AdvantageFunction } from './estimator-names.ts';
import type { AdvantageSettings } from './estimators.ts';

/** What an estimator of the user gives, checked. @throws GrpoError `bad_plugin` where it is not a finite number for every turn */
export function ownAdvantages(
  estimate: AdvantageFunction,
  episodes: readonly Episode[],
  groups: readonly number[],
  settings: AdvantageSettings,
): Float64Array[] {
  const bad = (what: string, cause?: unknown) =>
    new GrpoError('bad_plugin', `The advantages ${settings.advantageEstimator} ${what}`, { cause });
  let given: readonly ArrayLike<number>[];
  try {
    given = estimate(episodes, groups, settings);
  } catch (error) {
    throw bad(`failed: ${error instanceof Error ? error.message : String(error)}`, error);
  }
  if (given?.length !== episodes.length)
    throw bad(`are ${given?.length ?? 'no'} lists for ${episodes.length} episodes; one list for each is needed.`);
  return episodes.map(({ turns }, i) => {
    const own = given[i];
    if (own?.length !== turns.length)
      throw bad(
        `have ${own?.length ?? 'no'} numbers for the ${turns.length} turns of episode ${i}; one for each is needed.`,
      );
    const advantages = Float64Array.from(own);
    const wrong = advantages.findIndex((value) => !Number.isFinite(Math.fround(value)));
    if (wrong >= 0)
      throw bad(`have ${advantages[wrong]} for turn ${wrong} of episode ${i}; a finite number is needed.`);
    return advantages;
  });
}
