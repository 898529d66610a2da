import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { commonBeginning, TokenNode } from './token-tree.ts';

const sequence = fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 8 });
const sequences = fc.array(sequence, { minLength: 1, maxLength: 12 });
const begins = (ids: readonly number[], start: readonly number[]) => start.every((id, i) => ids[i] === id);

describe('a token tree', () => {
  it('has one node for equal sequences, and knows what each is', () => {
    fc.assert(
      fc.property(sequences, (all) => {
        const tree = new TokenNode();
        const nodes = all.map((ids) => tree.follow(ids));
        for (const [i, node] of nodes.entries()) {
          expect([...node.path()]).toEqual(all[i]);
          expect(node.depth).toBe(all[i]!.length);
          expect(node.tree).toBe(tree);
          for (const [j, other] of nodes.entries()) expect(node === other).toBe(all[i]!.join() === all[j]!.join());
        }
        const beginnings = all.flatMap((ids) => ids.map((_, i) => ids.slice(0, i + 1).join()));
        expect(tree.size).toBe(new Set(beginnings).size);
      }),
    );
  });

  it('finds the beginnings of a sequence, and of two', () => {
    fc.assert(
      fc.property(sequence, sequence, fc.nat(10), (a, b, depth) => {
        const tree = new TokenNode();
        const one = tree.follow(a);
        expect([...one.ancestor(depth).path()]).toEqual(a.slice(0, depth));
        expect([...one.path(Math.min(depth, a.length))]).toEqual(a.slice(depth));
        const common = commonBeginning(one, tree.follow(b));
        const shared = [...common.path()];
        expect(begins(a, shared) && begins(b, shared)).toBe(true);
        expect(a[shared.length] !== b[shared.length] || a.length === shared.length).toBe(true);
      }),
    );
  });
});
