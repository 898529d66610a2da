// For each model family, and for conversations as histories that grow make them: however replies overlap, the gradient of a
// batch is the sum of the gradients of its replies, each fed alone.

import { TokenNode } from '@ludic/models/internal';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { gradientOf, tinyLearners } from '../../testing/tiny-learner.ts';
import type { Sample } from '../batching/samples.ts';

const FAMILIES = ['llama-tiny', 'smollm-tiny', 'gpt2-tiny', 'qwen2-tiny', 'qwen3-tiny', 'gemma3-tiny'];

/** What a game says at a turn, what is replied and what the reply is worth. */
interface DrawnTurn {
  readonly observation: number;
  readonly reply: readonly number[];
  readonly weight: number;
}
type Game = readonly DrawnTurn[];

// Few different words, so that games begin alike, part, and at times never do.
const games: fc.Arbitrary<readonly Game[]> = fc.array(
  fc.array(
    fc.record({
      observation: fc.nat(2),
      reply: fc.array(fc.integer({ min: 3, max: 5 }), { minLength: 1, maxLength: 3 }),
      weight: fc.double({ min: -1, max: 1, noNaN: true }),
    }),
    { minLength: 1, maxLength: 4 },
  ),
  { minLength: 1, maxLength: 6 },
);

const SYSTEM = [20, 21, 22, 23, 24];
const END_OF_TURN = 7;

/** The prompt of each turn. Its tokens are ids; 8 and 9 open the turns of user and assistant. */
const HISTORIES: Readonly<Record<string, (game: Game, turn: number) => readonly number[]>> = {
  /** All that was said before: a prompt goes on from the prompt before it and its reply. */
  FULL_HISTORY: (game, turn) => [
    ...SYSTEM,
    ...game.slice(0, turn).flatMap(({ observation, reply }) => [8, observation, 9, ...reply, END_OF_TURN]),
    8,
    game[turn]!.observation,
    9,
  ],
  /** Notes that grow with each reply, before the observation. */
  SCRATCHPAD: (game, turn) => [
    ...SYSTEM,
    8,
    ...game.slice(0, turn).map(({ reply }) => reply.at(-1)!),
    game[turn]!.observation,
    9,
  ],
};

function samplesOf(drawn: readonly Game[], history: string, tree: TokenNode | undefined): Sample[] {
  return drawn.flatMap((game) =>
    game.map(({ reply, weight }, turn): Sample => {
      const prompt = Int32Array.from(HISTORIES[history]!(game, turn));
      const completion = Int32Array.of(...reply, END_OF_TURN);
      return {
        prompt,
        completion,
        promptNode: tree?.follow(prompt),
        oldLogprobs: new Float32Array(completion.length),
        advantage: 1,
        weight,
      };
    }),
  );
}

describe.each(FAMILIES)('a batch of %s', { timeout: 120_000 }, (family) => {
  it.each(Object.keys(HISTORIES))('has the gradient of its replies, each fed alone: %s', async (history) => {
    const { learnerWith } = await tinyLearners(family);
    const [whole, cut, alone] = await Promise.all(
      [100_000, 60, 100_000].map((tokenBudget) =>
        learnerWith({ objective: 'supervised', temperature: 1, tokenBudget }),
      ),
    );
    await fc.assert(
      fc.asyncProperty(games, fc.boolean(), fc.boolean(), async (drawn, isCut, isPlaced) => {
        const samples = samplesOf(drawn, history, isPlaced ? new TokenNode() : undefined);
        const together = await gradientOf(isCut ? cut! : whole!, samples);
        const sum = new Float64Array(together.length);
        let size = 1;
        for (const sample of samples) {
          const part = await gradientOf(alone!, [{ ...sample, promptNode: undefined }]);
          for (const [i, x] of part.entries()) {
            sum[i]! += x;
            size = Math.max(size, Math.abs(x));
          }
        }
        const off = together.reduce((most, x, i) => Math.max(most, Math.abs(x - sum[i]!)), 0);
        expect(off / size).toBeLessThan(1e-5);
      }),
      { numRuns: 5 },
    );
    for (const learner of [whole, cut, alone]) await learner!.dispose();
  });
});
