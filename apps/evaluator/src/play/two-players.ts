// Tic-Tac-Toe between a person and a policy: two positions of one game, in each of which the other is the opponent.

import type { TicTacToeState } from '@ludic/environments';
import type { EnvironmentSpec } from '@ludic/rollouts';
import { resolveSpec } from '@ludic/rollouts/internal';
import { replayPosition } from '../engine/play/position.ts';
import type { Position } from '../engine/protocol.ts';

/** X moves first. */
export type PlayerMark = 'X' | 'O';

/** A reply in the order in which the replies were given. */
export interface PlayedMove {
  readonly by: 'person' | 'policy';
  readonly reply: string;
}

/** A game of Tic-Tac-Toe as the moves that were made in it. */
export interface TwoPlayerGame {
  /** As the policy plays it. */
  readonly game: EnvironmentSpec;
  /** The person's. */
  readonly mark: PlayerMark;
  /** Names the dice of the policy. */
  readonly seed: number;
  /** In order. Those of the policy may be invalid: it is asked again. */
  readonly moves: readonly PlayedMove[];
}

/** How a game stands, from the policy's chair. */
export interface GameStatus {
  readonly turn: PlayedMove['by'] | 'over';
  /** With the policy's mark. */
  readonly state: TicTacToeState;
  /** The policy's. */
  readonly outcome: 'win' | 'draw' | 'loss' | undefined;
  /** The policy's last reply was refused. */
  readonly refused: boolean;
}

/** The mark of the other side. */
export const OTHER: Readonly<Record<PlayerMark, PlayerMark>> = { X: 'O', O: 'X' };

/** The game as the policy plays it, with the person as its opponent. */
export function policySide({ game, mark, seed, moves }: TwoPlayerGame): Position {
  const replies = repliesOf(moves, 'policy');
  const opponent = repliesOf(moves, 'person');
  return { game, seed: seedFor(game, OTHER[mark]), dynamicsSeed: seed, replies, opponent };
}

/** What a policy in the person's chair would see. */
export function personSide(played: TwoPlayerGame): Position {
  const { game, mark, seed, moves } = played;
  const opponent = repliesOf(moves, 'policy').filter((_, i, all) => accepted(played, all.slice(0, i + 1)));
  return { game, seed: seedFor(game, mark), dynamicsSeed: seed, replies: repliesOf(moves, 'person'), opponent };
}

/** @throws Error where the game refuses the person's move */
export function gameStatus(played: TwoPlayerGame): GameStatus {
  const { frames, awaiting, endReason, error } = replayPosition(policySide(played));
  if (error !== undefined) throw new Error(error);
  const last = frames.at(-1);
  if (awaiting) {
    // Its player's mark is the person's.
    const { code, board, mark } = awaiting.state as TicTacToeState;
    return { turn: 'person', state: { code, board, mark: OTHER[mark] }, outcome: undefined, refused: false };
  }
  return {
    turn: endReason === undefined ? 'policy' : 'over',
    state: last!.state as TicTacToeState,
    outcome: last!.info?.outcome,
    refused: played.moves.at(-1)?.by === 'policy' && last!.info?.invalid === true,
  };
}

const repliesOf = (moves: readonly PlayedMove[], by: PlayedMove['by']): string[] =>
  moves.filter((move) => move.by === by).map(({ reply }) => reply);

/** Whether the game took the last of these replies of the policy. */
function accepted(played: TwoPlayerGame, replies: readonly string[]): boolean {
  const { frames, awaiting } = replayPosition({ ...policySide(played), replies });
  return awaiting !== undefined || frames.at(-1)!.info?.invalid === false;
}

/** A seed of an opening in which the agent has that mark. */
function seedFor(spec: EnvironmentSpec, mark: PlayerMark): number {
  const { environment, config } = resolveSpec(spec);
  const game = environment.create(config);
  for (let seed = 0; ; seed++) {
    game.reset(seed);
    if ((game.state as TicTacToeState).mark === mark) return seed;
  }
}
