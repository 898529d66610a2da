// What a run does about the format of replies before its first step, as its settings say it.

import { findEnvironment } from '@ludic/environments';
import type { BuiltInHistory, HistoryStrategy } from '@ludic/history';
import { needSetting } from '../errors.ts';

/** How long a model is taught the format of replies, on whose games, and how fast. */
export interface WarmStartPlan {
  /** Optimizer steps. */
  readonly steps: number;
  /** Games of a step. */
  readonly episodes: number;
  /** The scripted player whose replies are learned; `random` teaches the format alone. Default: `random`. */
  readonly player?: string;
  /**
   * `replies`: all that the player says. `notes`: what it writes into its scratchpad, and nothing of what it plays; the model
   * keeps its own moves. Default: `replies`.
   */
  readonly teach?: Teach;
  /**
   * Where given, the player is the model as it is, under this history: what it plays there it learns to play under the
   * history of the run.
   */
  readonly history?: BuiltInHistory;
  /** The highest rate of AdamW. Default: by the size of what is trained, `warmStartRate`. */
  readonly learningRate?: number;
}

/** What of a player's replies a warm start teaches. */
export const TEACH = ['replies', 'notes'] as const;
export type Teach = (typeof TEACH)[number];

/** `auto`: only where the model does not know the format, see `needsWarmStart`. */
export type WarmStartChoice = WarmStartPlan | 'auto';

/** What `auto` does, with more games of a step where they are short, and what a plan that leaves something out has. */
export const AUTO_WARM_START: WarmStartPlan = { steps: 100, episodes: 1 };

/** Share of a taught player's turns that show a mistake, for what the game says to it. */
export const TAUGHT_MISTAKES = 0.15;

/** A rate that suits a million numbers, and one that falls with the size of the model as its training's does. */
export function warmStartRate(parameters: number): number {
  return Math.min(3e-3, 3e-3 * (parameters / 1_000_000) ** -0.75);
}

/** @throws GrpoError `bad_setting` */
export function checkWarmStart(environment: string, history: HistoryStrategy, choice: WarmStartChoice): void {
  if (choice === 'auto') return;
  for (const name of ['steps', 'episodes'] as const)
    needSetting(
      `warmStart.${name}`,
      choice[name],
      'a whole number above 0',
      Number.isInteger(choice[name]) && choice[name] > 0,
    );
  const { learningRate = 1, player = 'random', teach = 'replies' } = choice;
  needSetting('warmStart.learningRate', learningRate, 'above 0', learningRate > 0 && Number.isFinite(learningRate));
  const { experts } = findEnvironment(environment);
  const players = Object.keys(experts);
  needSetting('warmStart.player', player, `one of ${players.join(', ')}`, players.includes(player));
  needSetting('warmStart.teach', teach, `one of ${TEACH.join(', ')}`, TEACH.includes(teach));
  const noted = teach === 'replies' || history === 'SCRATCHPAD';
  needSetting('warmStart.teach', teach, `replies with history ${history}, which shows no notes`, noted);
  if (choice.history === undefined) return;
  const isOther = choice.history !== history && history !== 'OPTIMAL_SCRATCHPAD';
  const isAlone = choice.player === undefined && teach === 'replies';
  const what = `left out with history ${history}, with a player or with notes`;
  needSetting('warmStart.history', choice.history, what, isOther && isAlone);
}
