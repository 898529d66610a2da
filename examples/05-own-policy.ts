// A policy of your own: anything that gives one reply for each prompt. This one takes the first free cell of the board
// that it reads, in Tic-Tac-Toe against a random opponent.

import { evaluate, findEnvironment, type GamePrompt, type Policy, type Reply, resolveConfig } from 'ludic';

const definition = findEnvironment('tic_tac_toe');
const config = resolveConfig(definition, { opponent: 'random' });

function replyTo({ messages }: GamePrompt): Reply {
  // The last message is what the game shows now: three lines of X, O and dots.
  const board = /[XO.]{3}\n[XO.]{3}\n[XO.]{3}/.exec(messages.at(-1)!.content)![0].replaceAll('\n', '');
  return { text: `<move>${board.indexOf('.') + 1}</move>`, finish: 'stop' };
}

const policy: Policy = {
  name: 'first free cell',
  // All running games at once: a policy that asks a server can ask for all of them together.
  act: async (prompts) => prompts.map(replyTo),
  dispose() {},
};

const result = await evaluate({
  environment: definition,
  config,
  history: 'NO_HISTORY',
  policy,
  episodes: 100,
  seed: 1,
});
console.log(`${policy.name}: won ${result.win_rate}, lost ${result.loss_rate}, invalid ${result.invalid_rate}`);
