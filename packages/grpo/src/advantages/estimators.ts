// Which action gets the credit: from the episodes of a batch to one advantage per turn.

import { readScratchpad } from '@ludic/history';
import type { TokenNode } from '@ludic/models/internal';
import type { Episode } from '@ludic/rollouts';
import { type PromptNodes, promptNodesOf } from '../batching/batch.ts';
import type { ScaleRewards } from '../settings/loss-settings.ts';
import { type AdvantageEstimator, ownEstimators } from './estimator-names.ts';
import { groupAdvantages } from './group-advantages.ts';
import { ownAdvantages } from './own-advantages.ts';

import { situationAdvantages } from './situations.ts';

/**
 * How rewards become one advantage per turn: in units of reward where `scaleRewards` is `none`, else in deviations.
 * Source: https://arxiv.org/abs/2402.03300 (GRPO) for `episode` with `scaleRewards: 'group'`.
 */
export interface AdvantageSettings {
  /**
   * `episode`: every turn gets the advantage of its episode, as GRPO has it. `turn`: a turn gets the rewards from there
   * on, less the mean of all turns of the batch that saw the same prompt. `group_turn`: less the mean of those of its own
   * group. Where the prompt hides part of the state (KeyDoor), the members of a group share what is hidden, and the
   * comparison is fair; where it hides nothing, the whole batch gives the better mean. `td` (temporal difference): a turn
   * gets its own reward and what the prompt that followed was worth to all who came to it, less what its own prompt was
   * worth: the luck of the rest of the game is averaged out. For games whose prompts say all that matters. `situation`:
   * what a turn led to is measured by what the situations after it, hidden things included, were worth to all: see
   * `situationAdvantages`. For games that hide part of the state, and say it to the credit.
   */
  readonly advantageEstimator: AdvantageEstimator;
  /** What advantages are divided by: the deviation of the group, of the whole batch, or nothing, as in Dr. GRPO. */
  readonly scaleRewards: ScaleRewards;
  /** A reward that comes n turns later counts discount^n. */
  readonly discount: number;
  /** For `situation`: 0 looks one turn ahead, 1 to the end of the game, in between weighs both. */
  readonly gaeLambda: number;
  /** Reward for each fact that the scratchpad says truly, once a game: see `rewardNotes`. */
  readonly noteReward: number;
}

export interface TurnAdvantages {
  /** Per episode and turn. */
  readonly advantages: readonly Float64Array[];
  readonly zeroVarianceGroups: number;
}

/** One turn of one episode. */
interface Visit {
  readonly episode: number;
  readonly turn: number;
  /** Equal prompts are one node. */
  readonly prompt: TokenNode | undefined;
}

/**
 * @param groups which group each episode belongs to
 * @throws GrpoError `bad_plugin` for an estimator of the user that does not give a number for every turn
 */
export function estimateAdvantages(
  played: readonly Episode[],
  groups: readonly number[],
  settings: AdvantageSettings,
  promptNodes: PromptNodes = promptNodesOf(played),
): TurnAdvantages {
  const { advantageEstimator, scaleRewards, discount, gaeLambda, noteReward } = settings;
  const episodes = noteReward === 0 ? played : played.map((episode) => rewardNotes(episode, noteReward));
  const scored = episodes.map((episode) => episode.endReason !== 'failed');
  const monteCarlo = episodes.map((episode) => returnsToGo(episode, discount));
  const totals = monteCarlo.map((returns, i) => (scored[i] ? (returns[0] ?? 0) : undefined));
  const { values, zeroVarianceGroups } = groupAdvantages(totals, groups, scaleRewards);
  const own = ownEstimators.get(advantageEstimator);
  if (own) return { advantages: ownAdvantages(own, episodes, groups, settings), zeroVarianceGroups };
  if (advantageEstimator === 'episode') {
    const advantages = episodes.map((episode, i) => new Float64Array(episode.turns.length).fill(values[i]!));
    return { advantages, zeroVarianceGroups };
  }
  const counted = episodes.map((episode, i) => (scored[i] ? episode : undefined));
  const scale = (advantages: Float64Array[]) => {
    if (scaleRewards !== 'none')
      divideByDeviation(advantages, (i) => (scored[i] ? (scaleRewards === 'group' ? groups[i]! : 0) : undefined));
    return { advantages, zeroVarianceGroups };
  };
  if (advantageEstimator === 'situation')
    return scale(situationAdvantages(counted, promptNodes, monteCarlo, { discount, gaeLambda }));
  const returns = advantageEstimator === 'td' ? backedUpReturns(counted, promptNodes, discount) : monteCarlo;
  const visits = counted.flatMap((episode, i) =>
    (episode?.turns ?? []).map((_, turn): Visit => ({ episode: i, turn, prompt: promptNodes[i]![turn] })),
  );
  const groupAndTurn = ({ episode, turn }: Visit) => `${groups[episode]} ${turn}`;
  const returnOf = ({ episode, turn }: Visit) => returns[episode]![turn]!;
  const groupMeans = meansBy(visits.map((visit) => [groupAndTurn(visit), returnOf(visit)]));
  const scopeOf = ({ episode }: Visit) => (advantageEstimator === 'group_turn' ? groups[episode] : 0);
  const advantages = episodes.map((episode) => new Float64Array(episode.turns.length));
  for (const scope of Map.groupBy(visits, scopeOf).values()) {
    for (const alike of Map.groupBy(scope, ({ prompt }) => prompt).values()) {
      const sum = alike.reduce((total, visit) => total + returnOf(visit), 0);
      for (const visit of alike) {
        // One pseudo-visit stands in where a prompt was seen once: the mean return of the group from this very turn on.
        // With the return of another turn, prompts that are all different would get a push against whatever was done.
        const baseline = (sum + groupMeans.get(groupAndTurn(visit))!) / (alike.length + 1);
        advantages[visit.episode]![visit.turn] = returnOf(visit) - baseline;
      }
    }
  }
  return scale(advantages);
}

/**
 * Divides advantages by their own root mean square, which is their deviation since they are around 0, plus 1e-4.
 * @param scopeOf the episodes whose turns are measured together; undefined leaves an episode out
 */
function divideByDeviation(
  advantages: readonly Float64Array[],
  scopeOf: (episode: number) => number | undefined,
): void {
  for (const [scope, members] of Map.groupBy(advantages.keys(), scopeOf)) {
    if (scope === undefined) continue;
    let sum = 0;
    let count = 0;
    for (const i of members) {
      for (const value of advantages[i]!) sum += value * value;
      count += advantages[i]!.length;
    }
    const deviation = Math.sqrt(sum / Math.max(1, count)) + 1e-4;
    for (const i of members) for (const t of advantages[i]!.keys()) advantages[i]![t]! /= deviation;
  }
}

/** What a line of notes costs, as a share of what a true one brings: more than a guess at one cell of sixteen is worth. */
const LINE_PRICE = 0.1;
/** What a line costs beside that where it says nothing true: else a policy notes wherever it sees anything. */
const FALSE_PRICE = 0.25;

/**
 * The episode with a reward for true notes: paid to the turn after which the scratchpad says more facts than ever before in
 * the game, so a fact is paid for once. Every line that is written costs a tenth of it, and a quarter of it more where the
 * scratchpad, when it is shown next, says fewer true things than it has lines. It is no potential of the state: one
 * that is taken back later, as in potential-based shaping, would leave every advantage as it was, and notes that nothing
 * makes use of yet would be given up.
 */
function rewardNotes(episode: Episode, noteReward: number): Episode {
  const { turns } = episode;
  let most = 0;
  return {
    ...episode,
    turns: turns.map((turn, t) => {
      const shown = turns[t + 1];
      const right = shown?.trueNotes ?? 0;
      const more = Math.max(0, right - most);
      most += more;
      const lines = (readScratchpad(turn.reply.text) ?? '').split('\n').filter((line) => line !== '').length;
      const untrue = shown ? Math.max(0, lines - right) : 0;
      return { ...turn, reward: turn.reward + noteReward * (more - LINE_PRICE * lines - FALSE_PRICE * untrue) };
    }),
  };
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

/**
 * A turn's reward and the worth of the prompt that followed: the mean of this very number over all episodes that saw
 * that prompt at that turn. Computed from the last turns back, so that each worth rests on worths already averaged.
 */
function backedUpReturns(
  episodes: readonly (Episode | undefined)[],
  promptNodes: PromptNodes,
  discount: number,
): Float64Array[] {
  const returns = episodes.map((episode) => new Float64Array(episode?.turns.length ?? 0));
  const longest = returns.reduce((most, { length }) => Math.max(most, length), 0);
  let worth = new Map<TokenNode | undefined, number>();
  for (let t = longest - 1; t >= 0; t--) {
    const visits: (readonly [TokenNode | undefined, number])[] = [];
    for (const [i, episode] of episodes.entries()) {
      const turn = episode?.turns[t];
      if (!turn) continue;
      const isLast = t + 1 === episode.turns.length;
      const value = turn.reward + (isLast ? 0 : discount * worth.get(promptNodes[i]![t + 1])!);
      returns[i]![t] = value;
      visits.push([promptNodes[i]![t], value]);
    }
    worth = meansBy(visits);
  }
  return returns;
}

/** Means over what is equal, summed in the order in which it comes. */
function meansBy<Key>(entries: readonly (readonly [Key, number])[]): Map<Key, number> {
  const alike = [...Map.groupBy(entries, ([key]) => key)];
  return new Map(alike.map(([key, own]) => [key, own.reduce((sum, [, value]) => sum + value, 0) / own.length]));
}
