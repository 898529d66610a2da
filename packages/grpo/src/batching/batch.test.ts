// A batch is the same whether its episodes were played together or apart.

import type { Episode } from '@ludic/rollouts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { flatTokens, joinedTokens, withSharedPrompts } from './batch.ts';
import type { Sample } from './samples.ts';

const episodeOf = (prompts: readonly Int32Array[]): Episode => ({
  seed: 0,
  dynamicsSeed: 0,
  turns: prompts.map((prompt) => ({
    prompt: [],
    observation: '',
    reply: {
      text: 'x',
      finish: 'stop',
      tokens: {
        prompt,
        completion: Int32Array.of(1),
        logprobs: Float32Array.of(-1),
        entropies: Float32Array.of(1),
      },
    },
    reward: 0,
    info: { invalid: false },
  })),
  reward: 0,
  endReason: 'terminated',
  finalObservation: '',
});
const promptsOf = (episodes: readonly Episode[]) =>
  episodes.flatMap(({ turns }) => turns.map(({ reply }) => reply.tokens!.prompt));

describe('shared prompts', () => {
  it('are one array where they are equal, and nothing else changes', () => {
    const prompt = fc.array(fc.integer({ min: 0, max: 2 }), { maxLength: 4 });
    fc.assert(
      fc.property(fc.array(fc.array(prompt)), (lists) => {
        const episodes = lists.map((list) => episodeOf(list.map((ids) => Int32Array.from(ids))));
        const shared = withSharedPrompts(episodes);
        expect(shared).toEqual(episodes);
        const arrays = promptsOf(shared);
        expect(new Set(arrays).size).toBe(new Set(arrays.map((ids) => ids.join())).size);
      }),
    );
  });

  it('leaves episodes alone that share them already', () => {
    const one = Int32Array.of(1, 2);
    const episodes = [episodeOf([one, Int32Array.of(2, 1)]), episodeOf([one])];
    expect(withSharedPrompts(episodes)).toBe(episodes);
  });
});

describe('lists of tokens', () => {
  it('of several shards are those of the whole batch', () => {
    const token = fc.record({ id: fc.nat(9), old: fc.float({ min: -9, max: 0, noNaN: true }) });
    const sample = fc.array(token, { minLength: 1, maxLength: 4 }).map(
      (tokens): Sample => ({
        prompt: Int32Array.of(0),
        completion: Int32Array.from(tokens, ({ id }) => id),
        oldLogprobs: Float32Array.from(tokens, ({ old }) => old),
        referenceLogprobs: Float32Array.from(tokens, ({ old }) => old / 2),
        advantage: tokens.length,
        weight: 1,
      }),
    );
    const flat = (samples: readonly Sample[]) =>
      flatTokens(
        samples,
        samples.map(({ oldLogprobs }) => oldLogprobs),
      );
    fc.assert(
      fc.property(fc.array(fc.array(sample), { minLength: 1 }), (shards) => {
        expect(joinedTokens(shards.map(flat))).toEqual(flat(shards.flat()));
      }),
    );
  });
});
