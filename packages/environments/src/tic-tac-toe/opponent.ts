// The opponents, as distributions over moves: what is sampled in play is what the experts calculate with.

import type { RandomStream } from '@ludic/random';
import { tables } from './board.ts';

export const OPPONENTS = ['random', 'minimax', 'epsilon'] as const;

export interface OpponentConfig {
  readonly opponent: (typeof OPPONENTS)[number];
  readonly epsilon: number;
}

/** With what probability the opponent moves at random instead of perfectly. */
export const carelessness = ({ opponent, epsilon }: OpponentConfig): number =>
  ({ random: 1, minimax: 0, epsilon })[opponent];

/** The opponent's cell: any free one, or any of the perfect ones. */
export function opponentMove(board: number, config: OpponentConfig, random: RandomStream): number {
  const { free, best } = tables();
  const share = carelessness(config);
  const careless = share === 1 || (share > 0 && random.nextFloat() < share);
  const cells = careless ? free[board]! : best[board]!;
  return cells.length === 1 ? cells[0]! : cells[random.nextInt(cells.length)]!;
}
