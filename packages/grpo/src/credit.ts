// Which action gets the credit: from the episodes of a batch to one advantage per turn.

import type { Episode } from '@ludic/rollouts';
import { groupAdvantages } from './advantages.ts';
import type { ScaleRewards } from './settings.ts';

export const CREDITS = ['episode', 'turn', 'group_turn'] as const;
export type Credit = (typeof CREDITS)[number];

export interface CreditSettings {
  /**
   * `episode`: every turn gets the advantage of its episode, as GRPO has it. `turn`: a turn gets the rewards from there
   * on, less the mean of all turns of the batch that saw the same prompt. `group_turn`: less the mean of those of its own
   * group. Where the prompt hides part of the state (KeyDoor), the members of a group share what is hidden, and the
   * comparison is fair; where it hides nothing, the whole batch gives the better mean.
   */
  readonly credit: Credit;
  readonly scaleRewards: ScaleRewards;
  /** A reward that comes n turns later counts discount^n. */
  readonly discount: number;
}

export interface CreditedBatch {
  /** Per episode and turn. */
  readonly advantages: readonly Float64Array[];
  readonly zeroVarianceGroups: number;
}

/** @param groups which group each episode belongs to */
export function assignCredit(
  episodes: readonly Episode[],
  groups: readonly number[],
  settings: CreditSettings,
): CreditedBatch {
  const returns = episodes.map((episode) => returnsToGo(episode, settings.discount));
  const scored = (i: number) => episodes[i]!.endReason !== 'failed';
  const totals = episodes.map((_, i) => (scored(i) ? (returns[i]![0] ?? 0) : undefined));
  const { values, zeroVarianceGroups } = groupAdvantages(totals, groups, settings.scaleRewards);
  if (settings.credit === 'episode') {
    const advantages = episodes.map((episode, i) => new Float64Array(episode.turns.length).fill(values[i]!));
    return { advantages, zeroVarianceGroups };
  }
  const groupMeans = meansBy(totals.map((total, i) => [groups[i]!, total ?? 0] as const).filter((_, i) => scored(i)));
  const advantages = episodes.map((episode) => new Float64Array(episode.turns.length));
  // Equal prompts are one array: the policy encodes each once.
  const visitsOf = new Map<number, Map<unknown, { episode: number; turn: number }[]>>();
  for (const [i, episode] of episodes.entries()) {
    if (!scored(i)) continue;
    const scope = settings.credit === 'group_turn' ? groups[i]! : 0;
    let byPrompt = visitsOf.get(scope);
    if (!byPrompt) visitsOf.set(scope, (byPrompt = new Map()));
    for (const [t, { reply }] of episode.turns.entries()) {
      const prompt = reply.tokens?.prompt;
      const visits = byPrompt.get(prompt);
      if (visits) visits.push({ episode: i, turn: t });
      else byPrompt.set(prompt, [{ episode: i, turn: t }]);
    }
  }
  let squares = 0;
  let count = 0;
  for (const visits of [...visitsOf.values()].flatMap((byPrompt) => [...byPrompt.values()])) {
    let sum = 0;
    for (const { episode, turn } of visits) sum += returns[episode]![turn]!;
    for (const { episode, turn } of visits) {
      // One pseudo-visit with the group's mean return stands in where a prompt was seen once.
      const baseline = (sum + groupMeans.get(groups[episode]!)!) / (visits.length + 1);
      const advantage = returns[episode]![turn]! - baseline;
      advantages[episode]![turn] = advantage;
      squares += advantage * advantage;
      count++;
    }
  }
  if (settings.scaleRewards !== 'none') {
    const deviation = Math.sqrt(squares / Math.max(1, count)) + 1e-4;
    for (const turns of advantages) for (let t = 0; t < turns.length; t++) turns[t]! /= deviation;
  }
  return { advantages, zeroVarianceGroups };
}

/** The discounted rewards from each turn to the end. */
function returnsToGo({ turns }: Episode, discount: number): Float64Array {
  const returns = new Float64Array(turns.length);
  let rest = 0;
  for (let t = turns.length - 1; t >= 0; t--) {
    rest = turns[t]!.reward + discount * rest;
    returns[t] = rest;
  }
  return returns;
}

function meansBy(entries: readonly (readonly [number, number])[]): Map<number, number> {
  const sums = new Map<number, { sum: number; count: number }>();
  for (const [key, value] of entries) {
    const known = sums.get(key);
    if (known) {
      known.sum += value;
      known.count++;
    } else sums.set(key, { sum: value, count: 1 });
  }
  return new Map([...sums].map(([key, { sum, count }]) => [key, sum / count]));
}
