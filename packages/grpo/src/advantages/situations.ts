// Credit by situations: what a turn led to, measured by what situations turned out to be worth to all games of the batch
// that came into them. The policy does not see a situation; the credit may, since it is no part of the policy's input.

import type { TokenNode } from '@ludic/models/internal';
import type { Episode } from '@ludic/rollouts';
import type { PromptNodes } from '../batching/batch.ts';
import { GrpoError } from '../errors.ts';

/** Returns of the visits of one place. */
interface Tally {
  sum: number;
  count: number;
}

const emptyTally = (): Tally => ({ sum: 0, count: 0 });

function add(tally: Tally, value: number): void {
  tally.sum += value;
  tally.count++;
}

/** The mean of all but one visit, drawn towards `prior` as if `weight` more visits had brought that. */
const meanOfOthers = ({ sum, count }: Tally, own: number, prior: number, weight: number): number =>
  (sum - own + weight * prior) / (count - 1 + weight);

/** Visits of the same prompt in the same situation, among all visits of the situation. */
interface Situation extends Tally {
  readonly byPrompt: Map<TokenNode | undefined, Tally>;
}

/** How many visits of a situation with whatever prompt weigh as much as one with the very prompt. */
const PRIOR_VISITS = 1;

/**
 * One advantage per turn in units of reward: generalized advantage estimation (https://arxiv.org/abs/1506.02438),
 * A_t = Σ_k (discount · lambda)^k · (r_{t+k} + discount · V_{t+k+1} − V_{t+k}), with V of a turn the mean return of all
 * other turns of the batch in its situation with its prompt, drawn towards the mean of those in its situation with other
 * prompts: a prompt that is shown once is judged by its situation alone. A note is credited at once: what it is worth is
 * the difference of V between prompts that show it and prompts that do not.
 * @param episodes an undefined one is left out
 * @throws GrpoError `bad_setting` where the game says no situations
 */
export function situationAdvantages(
  episodes: readonly (Episode | undefined)[],
  promptNodes: PromptNodes,
  returns: readonly Float64Array[],
  { discount, gaeLambda }: { readonly discount: number; readonly gaeLambda: number },
): Float64Array[] {
  const whole = emptyTally();
  const situations = new Map<string, Situation>();
  const visitsOf = episodes.map((episode, i) =>
    (episode?.turns ?? []).map(({ situation }, t) => {
      if (situation === undefined)
        throw new GrpoError('bad_setting', 'credit situation needs a game that says its situations.');
      let place = situations.get(situation);
      if (!place) situations.set(situation, (place = { ...emptyTally(), byPrompt: new Map() }));
      const prompt = promptNodes[i]![t];
      let same = place.byPrompt.get(prompt);
      if (!same) place.byPrompt.set(prompt, (same = emptyTally()));
      const value = returns[i]![t]!;
      for (const tally of [whole, place, same]) add(tally, value);
      return { place, same };
    }),
  );
  const mean = whole.sum / Math.max(1, whole.count);
  return episodes.map((episode, i) => {
    // Where an episode is left out, its turns have the advantage 0.
    const advantages = new Float64Array(returns[i]!.length);
    let next = 0;
    let rest = 0;
    for (let t = visitsOf[i]!.length - 1; t >= 0; t--) {
      const { place, same } = visitsOf[i]![t]!;
      const own = returns[i]![t]!;
      const inSituation = meanOfOthers(place, own, mean, PRIOR_VISITS);
      const value = meanOfOthers(same, own, inSituation, PRIOR_VISITS);
      rest = episode!.turns[t]!.reward + discount * next - value + discount * gaeLambda * rest;
      advantages[t] = rest;
      next = value;
    }
    return advantages;
  });
}
