// Answers cut into pieces and put together again; what does not fit is refused.

import type { HostTensors } from '@ludic/grpo/internal-node';
import { float32 } from '@ludic/runtime';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Piece } from './messages.ts';
import { MESSAGE_BYTES } from './names.ts';
import { Assembly, cutAnswer, endOf } from './pieces.ts';

const sizes = fc.oneof(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 300_000 }));
const answers = fc.record({ body: fc.integer({ min: 0, max: 700_000 }), gradients: fc.array(sizes, { maxLength: 4 }) });

function made({ body, gradients }: { readonly body: number; readonly gradients: readonly number[] }) {
  const fill = (length: number, seed: number) => Float32Array.from({ length }, (_, i) => (i * 7 + seed) % 1013);
  const tensors: HostTensors = Object.fromEntries(
    gradients.map((length, i) => [`layer.${i}`, float32(fill(length, i), [length])]),
  );
  const bytes = Uint8Array.from({ length: body }, (_, i) => (i * 31) % 251);
  return { bytes, tensors, shapes: new Map(Object.entries(tensors).map(([name, { dims }]) => [name, dims])) };
}

describe('an answer in pieces', () => {
  it('arrives whole, in any order and with repetitions', () => {
    fc.assert(
      fc.property(answers, fc.integer(), (sizes, seed) => {
        const { bytes, tensors, shapes } = made(sizes);
        const messages = [...cutAnswer(bytes, tensors)];
        for (const pieces of messages) {
          const length = pieces.reduce((sum, piece) => sum + piece.bytes.length, 0);
          expect(length).toBeLessThanOrEqual(MESSAGE_BYTES);
          expect(length).toBeGreaterThan(0);
        }
        const pieces = messages.flat();
        const turn = pieces.length === 0 ? 0 : Math.abs(seed) % pieces.length;
        const assembly = new Assembly(shapes);
        for (const piece of [...pieces.slice(turn), ...pieces.slice(0, turn), ...pieces.slice(0, 2)])
          assembly.add(piece);
        const whole = assembly.end(endOf(bytes, tensors));
        expect(Buffer.from(whole.body).equals(Buffer.from(bytes))).toBe(true);
        expect(whole.gradients).toEqual(tensors);
      }),
      { numRuns: 25 },
    );
  });

  it('is refused where something is missing, too long or of no parameter', () => {
    const { bytes, tensors, shapes } = made({ body: 100, gradients: [5, 6] });
    const pieces = [...cutAnswer(bytes, tensors)].flat();
    for (let i = 0; i < pieces.length; i++) {
      const assembly = new Assembly(shapes);
      for (const piece of pieces.filter((_, j) => j !== i)) assembly.add(piece);
      expect(() => assembly.end(endOf(bytes, tensors))).toThrow(/instead of 100|not whole/);
    }
    const add = (piece: Piece) => () => new Assembly(shapes).add(piece);
    expect(add({ of: 'layer.0', at: 16, bytes: new Uint8Array(8) })).toThrow('the gradient of layer.0 is too long');
    expect(add({ of: 'layer.2', at: 0, bytes: new Uint8Array(4) })).toThrow('no such parameter');
    const assembly = new Assembly(shapes);
    for (const piece of pieces) assembly.add(piece);
    const { gradients, ...end } = endOf(bytes, tensors);
    expect(() => assembly.end({ ...end, gradients: { ...gradients, 'layer.0': [1, 5] } })).toThrow(/not whole/);
    expect(() => assembly.end({ ...end, gradients: { 'layer.0': [5] } })).toThrow(/of some parameters are missing/);
  });
});
