// Scripted players of Tic-Tac-Toe. Each is a choice among the free cells; where it leaves several, one is drawn evenly.

import type { Expert } from '../contract.ts';
import type { TicTacToeConfig } from './settings.ts';
import { anyCell, type CellChoice, type Chances, first, highest, type Plan, plan, safe } from './solve.ts';
import type { TicTacToeState } from './state.ts';

const wins = ([win]: Chances) => win;
const draws = ([, draw]: Chances) => draw;

/** The choices by name. Each but the first two depends on what the configured opponent does. */
export const CHOICES = {
  /** Any free cell. */
  random: () => anyCell,
  /** Any move that keeps the game-theoretic value. */
  minimax: () => safe(anyCell),
  /** The highest expected reward; between equals the lowest cell, since they differ in wins, draws and losses. */
  expert: ({ win_reward, draw_reward, loss_reward }) =>
    first(highest(([win, draw, loss]) => win * win_reward + draw * draw_reward + loss * loss_reward)),
  /** The most wins, then the most draws. */
  best_response: () => highest(wins, draws),
  /** The same among the moves that keep the game-theoretic value: it never loses. */
  minimax_best_response: () => safe(highest(wins, draws)),
} satisfies Record<string, (config: TicTacToeConfig) => CellChoice>;

function player(choice: CellChoice, config: TicTacToeConfig): Expert<TicTacToeState> {
  const plans: [Plan | undefined, Plan | undefined] = [undefined, undefined];
  return {
    act: ({ state }, random) => {
      const digit = state.mark === 'X' ? 1 : 2;
      plans[digit - 1] ??= plan(digit, choice, config);
      const cells = plans[digit - 1]!.moves(state.code);
      return `<move>${cells[random.nextInt(cells.length)]! + 1}</move>`;
    },
  };
}

/** One player per name and config: plans take milliseconds to make and serve every episode. */
export function expertMaker(name: keyof typeof CHOICES): (config: TicTacToeConfig) => Expert<TicTacToeState> {
  const made = new Map<string, Expert<TicTacToeState>>();
  return (config) => {
    const key = JSON.stringify(config);
    const known = made.get(key) ?? player(CHOICES[name](config), config);
    made.set(key, known);
    return known;
  };
}
