// How many steps per second the games play on one thread: resets, parsing the replies, rules and observation texts
// included. Replies are random and legal, prepared beforehand. Run: `npx node bench/games.ts`.

import {
  keyDoor,
  resolveConfig,
  type SyncEnvironmentDefinition,
  ticTacToe,
} from '../packages/environments/src/index.ts';
import { stream } from '../packages/random/src/index.ts';

export interface GameSpeed {
  readonly game: string;
  readonly steps: number;
  readonly stepsPerSecond: number;
}

type Choose = (observation: string, state: unknown, draw: number) => string;

const ACTIONS = ['up', 'down', 'left', 'right', 'interact'].map((action) => `<action>${action}</action>`);
const MOVES = Array.from({ length: 9 }, (_, cell) => `<move>${cell + 1}</move>`);

/** A free cell, searched from a drawn one on. */
const chooseMove: Choose = (_observation, state, draw) => {
  const { board } = state as { readonly board: string };
  let cell = draw % 9;
  while (board[cell] !== '.') cell = (cell + 1) % 9;
  return MOVES[cell]!;
};

const chooseAction: Choose = (_observation, _state, draw) => ACTIONS[draw % 5]!;

function measure(game: string, choose: Choose, seconds: number): GameSpeed {
  const definition = [keyDoor, ticTacToe].find(({ id }) => id === game) as SyncEnvironmentDefinition;
  const environment = definition.create(resolveConfig(definition));
  const random = stream('bench');
  const draws = Array.from({ length: 4096 }, () => random.nextInt(45));
  let seed = 0;
  let steps = 0;
  let read = 0;
  const play = (until: number) => {
    while (performance.now() < until) {
      for (let i = 0; i < 100; i++) {
        let observation = environment.reset(seed++);
        for (;;) {
          const reply = choose(observation, environment.state, draws[steps & 4095]!);
          const step = environment.step(reply);
          observation = step.observation;
          read += observation.charCodeAt(observation.length - 1); // A reader makes the text whole.
          steps++;
          if (step.terminated || step.truncated) break;
        }
      }
    }
  };
  play(performance.now() + 500); // Warm-up: compilation, tables.
  steps = 0;
  const start = performance.now();
  play(start + seconds * 1000);
  const elapsed = (performance.now() - start) / 1000;
  if (read === 0) throw new Error(`${game} said nothing`);
  return { game, steps, stepsPerSecond: steps / elapsed };
}

/** Measures both games; takes about `2 * seconds`. */
export async function benchGames(seconds = 2): Promise<readonly GameSpeed[]> {
  return [measure('key_door', chooseAction, seconds), measure('tic_tac_toe', chooseMove, seconds)];
}

if (import.meta.main) {
  for (const { game, stepsPerSecond } of await benchGames()) {
    console.log(`${game.padEnd(12)} ${(stepsPerSecond / 1e6).toFixed(2)} million steps/s`);
  }
}
