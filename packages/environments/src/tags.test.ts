import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { tagReader } from './tags.ts';

const read = tagReader('move');

describe('tagReader', () => {
  it.each([
    ['<move>5</move>', '5'],
    ['I think <move>5</move> is best.', '5'],
    ['<MOVE> 5 </Move>', '5'],
    ['< move >5< / move >', '5'],
    ['<move>\n5\n</move>', '5'],
    ['<move></move>', ''],
    ['<move>4</move> no, <move>6</move>', '6'],
    ['<move>4</move> or <move>6', '4'],
    ['<move>4 <move>6</move></move>', '6'],
    ['<move>5', '5'],
    ['<move>5 because\nit is free', '5 because'],
    ['<move>\n 5\nrest', '5'],
    ['<move>5<think>hm</think>', '5'],
    ['<move>4\n<move>6', '6'],
    ['<move', undefined],
    ['</move>', undefined],
    ['<mover>5</mover>', undefined],
    ['5', undefined],
    ['', undefined],
  ])('reads %j as %j', (text, content) => expect(read(text)).toBe(content));

  it('never throws and returns trimmed text, whatever the string', () => {
    const piece = fc.constantFrom('<', '>', '/', ' ', '\n', 'move', '<move>', '</move>', '< MOVE >', '5');
    const mess = fc.array(fc.oneof(piece, fc.string({ unit: 'binary' }))).map((parts) => parts.join(''));
    fc.assert(
      fc.property(mess, (text) => {
        const content = read(text);
        expect(content === undefined || content === content.trim()).toBe(true);
      }),
    );
  });

  it('finds the content between any texts without tags', () => {
    const plain = fc.string().map((text) => text.replaceAll('<', ''));
    fc.assert(
      fc.property(plain, plain, plain, (before, content, after) => {
        expect(read(`${before}<move>${content}</move>${after}`)).toBe(content.trim());
      }),
    );
  });

  it.each(['<', '<move>', '<  ', '</', '< move'])('reads a long reply of %j in linear time', (piece) => {
    // A quadratic reader would need about 10^11 steps here.
    const time = performance.now();
    read(piece.repeat(300_000 / piece.length));
    read(`${' '.repeat(300_000)}<move>${' '.repeat(300_000)}`);
    expect(performance.now() - time).toBeLessThan(30_000);
  });
});
