// Wordle: find a secret word by guessing, told of each letter whether it is in its place, elsewhere or nowhere. Every word of
// the list may be the secret and may be guessed. The expert asks what leaves the fewest words on average.

import type { Expert } from '../contract.ts';
import { defineEnvironment, type Move } from '../define-environment.ts';

/** Four letters each. */
export const WORDS = (
  'able acid aged army atom away bake band bark bean bear bird blue boat bold bone book born bowl bulk calm card ' +
  'cave chef city clay coal code coin cold cook corn crew dark dawn deal deep desk dish door dust earn east echo ' +
  'edge farm fire fish flag foam fork game gate gift gold hand harp hill home iron jazz jump king lake lamp leaf'
).split(' ');

export interface WordleState {
  readonly secret: string;
  readonly guesses: readonly string[];
}

/**
 * The marks of a guess, letter by letter: `+` in its place, `?` elsewhere in the secret, `-` nowhere. A letter is told as
 * often as the secret has it, in its place first.
 */
export function marksOf(guess: string, secret: string): string {
  const left = [...secret].filter((letter, i) => letter !== guess[i]);
  return Array.from(guess, (letter, i) => {
    if (letter === secret[i]) return '+';
    const at = left.indexOf(letter);
    if (at < 0) return '-';
    left.splice(at, 1);
    return '?';
  }).join('');
}

/** The words that agree with what was told. */
export const possible = ({ secret, guesses }: WordleState): readonly string[] =>
  WORDS.filter((word) => guesses.every((guess) => marksOf(guess, word) === marksOf(guess, secret)));

/** The guess after which the fewest words are possible on average, one of the possible words where that is equal. */
export function bestGuess(words: readonly string[]): string {
  if (words.length === WORDS.length && opening !== undefined) return opening;
  let best = words[0]!;
  let least = Number.POSITIVE_INFINITY;
  for (const guess of words.length < 3 ? words : [...words, ...WORDS]) {
    const sizes = new Map<string, number>();
    for (const word of words) sizes.set(marksOf(guess, word), (sizes.get(marksOf(guess, word)) ?? 0) + 1);
    const cost = [...sizes.values()].reduce((sum, size) => sum + size * size, 0) - (words.includes(guess) ? 0.5 : 0);
    if (cost < least) [best, least] = [guess, cost];
  }
  if (words.length === WORDS.length) opening = best;
  return best;
}

/** Always the same, and by far the most work. */
let opening: string | undefined;

const reply = (word: string) => `<guess>${word}</guess>`;
const random: Expert<WordleState> = { act: (_, stream) => reply(WORDS[stream.nextInt(WORDS.length)]!) };
/** Any word that agrees with what was told. */
const consistent: Expert<WordleState> = {
  act: ({ state }, stream) => {
    const words = possible(state);
    return reply(words[stream.nextInt(words.length)]!);
  },
};
const expert: Expert<WordleState> = { act: ({ state }) => reply(bestGuess(possible(state))) };

export default defineEnvironment({
  id: 'wordle',
  title: 'Wordle',
  description: 'Find a secret word of four letters by guessing.',
  settings: {
    max_steps: {
      type: 'integer',
      default: 6,
      minimum: 1,
      maximum: 100,
      description: 'Guesses before the game is lost.',
    },
    letter_reward: {
      type: 'number',
      default: 0,
      description: 'Reward for each letter in its place, beyond the most so far, for training.',
    },
    invalid_penalty: {
      type: 'number',
      default: 0,
      minimum: 0,
      description: 'Cost of a reply without a word of the list.',
    },
  },
  replyTag: 'guess',
  unreadable: 'That is no word of the list.',
  systemPrompt: () =>
    `Find the secret word of four letters: + is a letter in its place, ? one that stands elsewhere, - one that is not in it.\nReply with one word: <guess>coal</guess>\nThe words: ${WORDS.join(' ')}`,
  readAction: (text) => WORDS.find((word) => word === text.toLowerCase()),
  start: (_, stream): WordleState => ({ secret: WORDS[stream.nextInt(WORDS.length)]!, guesses: [] }),
  play: ({ secret, guesses }: WordleState, guess: string, { letter_reward }): Move<WordleState> => {
    const placed = (word: string) => [...marksOf(word, secret)].filter((mark) => mark === '+').length;
    const most = Math.max(0, ...guesses.map(placed));
    const state = { secret, guesses: [...guesses, guess] };
    const metrics = { repeated_guesses: Number(guesses.includes(guess)) };
    const more = letter_reward * Math.max(0, placed(guess) - most);
    if (guess === secret) return { state, reward: 1 + more, note: 'You found it.', terminated: true, metrics };
    return { state, reward: more, metrics };
  },
  observe: ({ secret, guesses }: WordleState, _config, over) => {
    const told = guesses.map((guess) => `${guess} ${marksOf(guess, secret)}`);
    if (over) return [...told, `The word was ${secret}.`].join('\n');
    return told.length === 0 ? 'No guess yet.' : told.join('\n');
  },
  board: ({ secret, guesses }: WordleState) =>
    guesses.map((guess) =>
      Array.from(marksOf(guess, secret), (mark, i) => ({
        text: guess[i]!,
        kind: mark === '+' ? 'goal' : mark === '?' ? 'player' : 'hidden',
      })),
    ),
  metrics: ['repeated_guesses'],
  success: ({ secret, guesses }: WordleState) => guesses.at(-1) === secret,
  situation: ({ secret, guesses }: WordleState) => `${secret} ${guesses}`,
  limit: ({ max_steps }) => ({ steps: max_steps, reward: 0 }),
  invalidPenalty: ({ invalid_penalty }) => invalid_penalty,
  experts: { random: () => random, expert: () => expert, consistent: () => consistent },
});
