// For tests: a guessing game. The policy looks for a number and is told whether it came nearer.

import { defineEnvironment } from 'ludic';

interface State {
  readonly secret: number;
  readonly last: number | undefined;
  readonly hint: string;
}

export default defineEnvironment({
  id: 'hot_cold',
  title: 'Hot or cold',
  description: 'Find a hidden number by hearing whether a guess is nearer than the one before.',
  replyTag: 'guess',
  settings: {
    largest: { type: 'integer', default: 9, minimum: 2, maximum: 99, description: 'the largest number' },
    max_steps: { type: 'integer', default: 6, minimum: 1, description: 'guesses before the game is lost' },
    polite: { type: 'boolean', default: false, description: 'whether hints say please' },
  },
  unreadable: 'That is no number.',
  systemPrompt: ({ largest }) => `Guess a number from 1 to ${largest}: <guess>4</guess>`,
  readAction: (text) => (/^\d{1,2}$/.test(text) ? Number(text) : undefined),
  start: ({ largest }, random): State => ({ secret: 1 + random.nextInt(largest), last: undefined, hint: 'Guess.' }),
  play(state, guess, { polite }) {
    if (guess === state.secret) return { state, reward: 1, terminated: true, note: 'Found.' };
    const distance = (from: number) => Math.abs(from - state.secret);
    const isNearer = state.last !== undefined && distance(guess) < distance(state.last);
    const hint = `${isNearer ? 'Warmer.' : 'Colder.'}${polite ? ' Another, please.' : ''}`;
    return { state: { ...state, last: guess, hint } };
  },
  observe: ({ hint }, _, over) => (over ? '' : hint),
  limit: ({ max_steps }) => ({ steps: max_steps, reward: 0 }),
  experts: {
    random: ({ largest }) => ({ act: (_, random) => `<guess>${1 + random.nextInt(largest)}</guess>` }),
    expert: () => ({ act: ({ state }) => `<guess>${state.secret}</guess>` }),
  },
});
