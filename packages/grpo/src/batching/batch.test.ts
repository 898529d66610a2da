// A batch is the same whether its episodes were played together or apart.

import { PlacedTokens } from '@ludic/inference/internal';
import { TokenNode } from '@ludic/models/internal';
import type { Episode } from '@ludic/rollouts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { flatTokens, joinedTokens, promptNodesOf } from './batch.ts';
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
describe('the prompts of a batch', () => {
  const ids = fc.array(fc.integer({ min: 0, max: 2 }), { maxLength: 4 });
  const lists = fc.array(fc.array(ids));

  it('are one node where they are equal, wherever they were sampled', () => {
    fc.assert(
      fc.property(lists, (drawn) => {
        const nodes = promptNodesOf(drawn.map((list) => episodeOf(list.map((one) => Int32Array.from(one)))));
        expect(nodes.map((own) => own.map((node) => [...node!.path()]))).toEqual(drawn);
        const all = nodes.flat();
        expect(new Set(all).size).toBe(new Set(drawn.flat().map(String)).size);
        expect(new Set(all.map((node) => node!.tree)).size).toBeLessThanOrEqual(1);
      }),
    );
  });

  it('stay in the tree that they were sampled in, where that is one', () => {
    fc.assert(
      fc.property(lists, fc.boolean(), (drawn, several) => {
        const trees = [new TokenNode(), new TokenNode()];
        const treeOf = (i: number) => trees[several ? i % 2 : 0]!;
        const episodes = drawn.map((list, i) => {
          const { turns, ...episode } = episodeOf(list.map((one) => Int32Array.from(one)));
          const placed = turns.map((turn): Episode['turns'][number] => {
            const tokens = new PlacedTokens(turn.reply.tokens!, treeOf(i).follow(turn.reply.tokens!.prompt));
            return { ...turn, reply: { ...turn.reply, tokens } };
          });
          return { ...episode, turns: placed };
        });
        const used = new Set(drawn.flatMap((list, i) => (list.length > 0 ? [treeOf(i)] : [])));
        const found = new Set(promptNodesOf(episodes).flatMap((own) => own.map((node) => node!.tree)));
        if (used.size === 2) expect(found.size).toBe(1);
        else expect(found).toEqual(used);
        // As another process gets them.
        const copies = structuredClone(episodes);
        expect(copies).toEqual(episodes);
        for (const node of promptNodesOf(copies).flat()) expect(trees).not.toContain(node!.tree);
      }),
    );
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
