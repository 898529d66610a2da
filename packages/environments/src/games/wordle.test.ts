import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { playEpisode } from '../../testing/play.ts';
import { resolveConfig } from '../index.ts';
import wordle, { bestGuess, marksOf, possible, WORDS, type WordleState } from './wordle.ts';

const config = resolveConfig(wordle, {});
const environment = wordle.create(config);
const word = fc.constantFrom(...WORDS);

/** Guesses of the expert over all secrets among these words, by following its tree of questions and not by playing. */
function guessesInTree(words: readonly string[]): number {
  const guess = bestGuess(words);
  const parts = Map.groupBy(words, (secret) => marksOf(guess, secret));
  const deeper = [...parts].map(([marks, part]) => (marks === '++++' ? 0 : guessesInTree(part)));
  return words.length + deeper.reduce((sum, count) => sum + count, 0);
}

describe('marksOf', () => {
  it.each([
    ['coal', 'coal', '++++'],
    ['book', 'cook', '-+++'],
    ['edge', 'deep', '??-?'],
    ['foot', 'book', '-++-'],
    ['eels', 'deep', '?+--'],
    ['llll', 'hill', '--++'],
  ])('of %s for %s are %s', (guess, secret, marks) => expect(marksOf(guess, secret)).toBe(marks));

  it('tells a letter as often as both words have it', () => {
    fc.assert(
      fc.property(word, word, (guess, secret) => {
        const marks = marksOf(guess, secret);
        for (const letter of new Set(guess)) {
          const told = [...guess].filter((one, i) => one === letter && marks[i] !== '-').length;
          const count = (text: string) => [...text].filter((one) => one === letter).length;
          expect(told).toBe(Math.min(count(guess), count(secret)));
        }
        for (let i = 0; i < 4; i++) expect(marks[i] === '+').toBe(guess[i] === secret[i]);
      }),
    );
  });
});

describe('Wordle', () => {
  it('keeps its rules, whatever is replied', () => {
    fc.assert(
      fc.property(fc.nat(), fc.array(fc.oneof(word, fc.string()), { minLength: 1, maxLength: 8 }), (seed, words) => {
        environment.reset(seed);
        for (const [i, text] of words.entries()) {
          const { secret, guesses } = environment.state;
          const step = environment.step(`<guess>${text}</guess>`);
          const isWord = WORDS.includes(text.toLowerCase());
          if (/^\w*$/.test(text)) expect(step.info.invalid).toBe(!isWord);
          expect(environment.state.guesses.length).toBe(guesses.length + (step.info.invalid ? 0 : 1));
          expect(step.terminated).toBe(environment.state.guesses.at(-1) === secret);
          expect(step).toMatchObject({ reward: step.terminated ? 1 : 0, truncated: i === 5 && !step.terminated });
          expect(step.info.success).toBe(step.terminated);
          // The secret is always possible, and is said at the end alone.
          expect(possible(environment.state)).toContain(secret);
          if (step.terminated || step.truncated) {
            expect(step.observation).toContain(`The word was ${secret}.`);
            return;
          }
          if (!environment.state.guesses.includes(secret)) expect(step.observation).not.toContain(secret);
        }
      }),
    );
  });

  it('has different words of four letters, each of which a seed draws', () => {
    expect(new Set(WORDS).size).toBe(WORDS.length);
    expect(WORDS.filter((each) => !/^[a-z]{4}$/.test(each))).toEqual([]);
    const secrets = Array.from({ length: 1000 }, (_, seed) => {
      environment.reset(seed);
      return environment.state.secret;
    });
    expect(new Set(secrets)).toEqual(new Set(WORDS));
    expect(environment.reset(4)).toBe(environment.reset(4));
  });

  it('is won by the expert for every secret, after the guesses that its tree of questions has', () => {
    const expert = wordle.experts.expert(config);
    const counts = new Map<string, number>();
    for (let seed = 0; counts.size < WORDS.length; seed++) {
      const { steps, reward } = playEpisode(environment, expert, seed);
      expect(reward).toBe(1);
      counts.set((environment.state as WordleState).secret, steps);
    }
    const total = [...counts.values()].reduce((sum, steps) => sum + steps, 0);
    expect(total).toBe(guessesInTree(WORDS));
    // As the README says.
    expect((total / WORDS.length).toFixed(2)).toBe('2.68');
    expect(Math.max(...counts.values())).toBe(4);
  });

  it('pays for letters in their places once, where the settings say so', () => {
    const paid = wordle.create(resolveConfig(wordle, { letter_reward: 0.1 }));
    let seed = 0;
    do paid.reset(seed++);
    while (paid.state.secret !== 'bone');
    expect(paid.step('<guess>bold</guess>').reward).toBeCloseTo(0.2);
    expect(paid.step('<guess>boat</guess>')).toMatchObject({ reward: 0, info: { metrics: { repeated_guesses: 0 } } });
    expect(paid.step('<guess>boat</guess>').info.metrics).toEqual({ repeated_guesses: 1 });
    expect(paid.step('<guess>bone</guess>').reward).toBeCloseTo(1.2);
  });
});
