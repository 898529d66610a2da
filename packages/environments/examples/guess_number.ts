// A complete game in one file: guess a hidden number, told only whether it is higher or lower.

import { defineEnvironment, type Expert, type Move } from '../src/index.ts';

interface GuessState {
  readonly secret: number;
  /** The secret is known to lie between these two, both included. */
  readonly lowest: number;
  readonly highest: number;
  readonly hint: string;
}

const reply = (guess: number) => `<guess>${guess}</guess>`;

const random: Expert<GuessState> = {
  act: ({ state: { lowest, highest } }, stream) => reply(lowest + stream.nextInt(highest - lowest + 1)),
};

/** Halves the range. */
const expert: Expert<GuessState> = {
  act: ({ state: { lowest, highest } }) => reply(Math.floor((lowest + highest) / 2)),
};

export const guessNumber = defineEnvironment({
  id: 'guess_number',
  title: 'Guess the number',
  description: 'Find a hidden number by asking whether it is higher or lower.',
  settings: {
    largest: { type: 'integer', default: 100, minimum: 2, description: 'The number lies between 1 and this.' },
    max_steps: { type: 'integer', default: 10, minimum: 1, description: 'Guesses before the game is lost.' },
  },
  replyTag: 'guess',
  unreadable: 'That is not a number. Answer with a whole number, such as <guess>7</guess>.',
  systemPrompt: ({ largest }) =>
    `Guess a number between 1 and ${largest}.\nAnswer with a whole number, such as <guess>7</guess>.`,

  readAction: (text) => (/^\d{1,9}$/.test(text) ? Number(text) : undefined),

  start: ({ largest }, stream): GuessState => {
    return { secret: 1 + stream.nextInt(largest), lowest: 1, highest: largest, hint: 'What is your guess?' };
  },

  play: (state: GuessState, guess: number): Move<GuessState> => {
    if (guess === state.secret) return { state, reward: 1, note: 'That is the number.', terminated: true };
    if (guess < state.secret) {
      const lowest = Math.max(state.lowest, guess + 1);
      return { state: { ...state, lowest, hint: `It is higher than ${guess}.` } };
    }
    const highest = Math.min(state.highest, guess - 1);
    return { state: { ...state, highest, hint: `It is lower than ${guess}.` } };
  },

  observe: (state: GuessState, _config, over) => (over ? '' : state.hint),
  memory: ({ lowest, highest }: GuessState) => `The number is between ${lowest} and ${highest}.`,
  limit: ({ max_steps }) => ({ steps: max_steps, reward: 0 }),
  experts: { random: () => random, expert: () => expert },
});
