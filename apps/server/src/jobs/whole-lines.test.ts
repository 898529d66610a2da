import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openWholeLines, type WantedLines } from './whole-lines.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ludic-lines-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function linesOf(content: string, wanted: WantedLines = {}): Promise<string> {
  const path = join(folder, 'file');
  await writeFile(path, content);
  const lines = (await openWholeLines(path, wanted))!;
  if (lines.size === 0) {
    await lines.close();
    return '';
  }
  const text = await new Response(lines.read()).text();
  expect(Buffer.byteLength(text)).toBe(lines.size);
  return text;
}

describe('the whole lines of a file', () => {
  it('end at its last line break, wherever that is', async () => {
    const piece = fc.constantFrom('', 'a', '\n', '{"a": "ü"}\n', 'x'.repeat(65_535), 'x'.repeat(65_536), '\n\n');
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 4 }), async (pieces) => {
        const content = pieces.join('');
        expect(await linesOf(content)).toBe(content.slice(0, content.lastIndexOf('\n') + 1));
      }),
    );
  });

  it('are as many as are wanted, from either end', async () => {
    const piece = fc.constantFrom('', 'a', '\n', 'ü\n', 'x'.repeat(65_535), 'x'.repeat(65_536), '\n\n');
    const count = fc.option(fc.integer({ min: 1, max: 4 }), { nil: undefined });
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 6 }), count, count, async (pieces, first, last) => {
        const lines = pieces.join('').split('\n').slice(0, -1);
        const chosen = lines.slice(0, first).slice(-(last ?? lines.length));
        const text = chosen.map((line) => `${line}\n`).join('');
        expect(await linesOf(pieces.join(''), { first, last })).toBe(text);
      }),
    );
  });

  it('are none where there is no file', async () => {
    expect(await openWholeLines(join(folder, 'missing'))).toBeUndefined();
  });
});
