import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { jsonWithList } from './long-list.ts';

const textOf = (stream: ReadableStream<Uint8Array>) => new Response(stream).text();

describe('an object with a long list', () => {
  it('is the JSON that it would be in one piece', async () => {
    const items = fc.array(fc.jsonValue(), { maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(fc.jsonValue(), items, async (value, list) => {
        const texts = list.map((item) => JSON.stringify(item));
        expect(await textOf(jsonWithList({ value }, 'items', texts))).toBe(JSON.stringify({ value, items: list }));
      }),
    );
  });

  it('comes in pieces, and is made as it is read', async () => {
    let made = 0;
    const items = (function* () {
      for (; made < 1000; made++) yield 'x'.repeat(1000);
    })();
    const reader = jsonWithList({ a: 1 }, 'items', items).getReader();
    await reader.read();
    expect(made).toBeLessThan(200);
    let pieces = 1;
    while (!(await reader.read()).done) pieces++;
    expect(pieces).toBeGreaterThan(10);
  });
});
