import type { RatedToken } from '@ludic/inference';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { heldBack, VisibleText } from './visible-text.ts';

const letters = (options: { minLength?: number; maxLength: number }) =>
  fc.string({ ...options, unit: fc.constantFrom('a', 'b', '<') });
const reply = fc.array(letters({ maxLength: 3 }), { maxLength: 12 });
const stops = fc.array(letters({ minLength: 1, maxLength: 4 }), { maxLength: 3 });
const token = (text: string): RatedToken => ({ text, logprob: 0, alternatives: [] });

/** What is shown after each token and at the end. As in a real reply, nothing comes after a stop text. */
function shown(drawn: readonly string[], stop: readonly string[]) {
  const visible = new VisibleText(stop);
  const pieces: string[] = [];
  let whole = '';
  const parts = [];
  for (const piece of drawn) {
    if (stop.some((one) => whole.includes(one))) break;
    pieces.push(piece);
    whole += piece;
    parts.push(visible.grow(whole, token(piece)));
  }
  return { whole, pieces, parts: [...parts, visible.finish(whole)], visible };
}

const cut = (text: string, stop: readonly string[]) => {
  const places = stop.map((one) => text.indexOf(one)).filter((at) => at >= 0);
  return text.slice(0, places.length > 0 ? Math.min(...places) : undefined);
};

describe('the visible text of a reply', () => {
  it('is, piece by piece, the text before the first stop text', () => {
    fc.assert(
      fc.property(reply, stops, (pieces, stop) => {
        const { whole, parts, visible } = shown(pieces, stop);
        expect(parts.map(({ text }) => text).join('')).toBe(cut(whole, stop));
        expect(visible.shown).toBe(cut(whole, stop));
      }),
    );
  });

  it('comes with the tokens that begin in it, each once and in order', () => {
    fc.assert(
      fc.property(reply, stops, (drawn, stop) => {
        const { whole, pieces, parts } = shown(drawn, stop);
        const tokens = parts.flatMap((part) => part.tokens.map(({ text }) => text));
        const starts = pieces.map((_, i) => pieces.slice(0, i).join('').length);
        expect(tokens).toEqual(pieces.filter((_, i) => starts[i]! < cut(whole, stop).length));
      }),
    );
  });

  it('holds back no more than may begin a stop text', () => {
    expect(heldBack('I move <mo', ['</move>', '<move>'])).toBe(3);
    expect(heldBack('aab', ['abab'])).toBe(2);
    expect(heldBack('done', ['x'])).toBe(0);
    expect(new VisibleText(['STOP']).grow('Hello S').text).toBe('Hello ');
  });
});
