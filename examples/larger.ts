// A game of your own in a file: the policy sees a number and replies with a larger one, five times. A few pure functions are the
// rules; reading replies, seeds and the step limit come from defineEnvironment.
// The command line trains in it wherever it lies: ludic train --env ./larger.ts --out runs/larger

import { defineEnvironment } from 'ludic';

interface State {
  readonly shown: number;
  readonly left: number;
}

export default defineEnvironment({
  id: 'larger',
  title: 'Larger',
  description: 'Reply with a number that is larger than the one shown.',
  replyTag: 'number',
  settings: { highest: { type: 'integer', default: 9, minimum: 2, description: 'the largest number' } },
  unreadable: 'No number was found.',
  systemPrompt: ({ highest }) => `Reply with a number up to ${highest} that is larger: <number>7</number>`,
  // The text within the tag, as an action; undefined where it is none.
  readAction: (text) => (/^\d{1,3}$/.test(text) ? Number(text) : undefined),
  start: ({ highest }, random): State => ({ shown: random.nextInt(highest), left: 5 }),
  play({ shown, left }, action, { highest }, random) {
    const state = { shown: random.nextInt(highest), left: left - 1 };
    if (action > highest) return { state: { shown, left }, invalid: true, note: `At most ${highest}.` };
    return { state, reward: action > shown ? 0.2 : -0.2, terminated: state.left === 0 };
  },
  observe: ({ shown }, _, over) => (over ? 'The game is over.' : `Number: ${shown}`),
  limit: () => ({ steps: 10, reward: 0 }),
  invalidPenalty: () => 0.2,
  // Scripted players: a baseline, and the best that can be done.
  experts: {
    random: ({ highest }) => ({ act: (_, random) => `<number>${random.nextInt(highest + 1)}</number>` }),
    expert: ({ highest }) => ({ act: () => `<number>${highest}</number>` }),
  },
});
