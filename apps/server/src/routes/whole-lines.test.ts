import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openWholeLines } from './whole-lines.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ludic-lines-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function linesOf(content: string): Promise<string> {
  const path = join(folder, 'file');
  await writeFile(path, content);
  const lines = (await openWholeLines(path))!;
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

  it('are none where there is no file', async () => {
    expect(await openWholeLines(join(folder, 'missing'))).toBeUndefined();
  });
});
