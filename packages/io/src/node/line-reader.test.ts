import { appendFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { LineReader } from './line-reader.ts';

let folder = '';
let path = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ludic-io-'));
  path = join(folder, 'log');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function linesOf(reader: LineReader<string>): Promise<string[]> {
  const lines: string[] = [];
  for await (const page of reader.pages()) lines.push(...page);
  return lines;
}

it('reads each line once, and a half-written one when it is whole', async () => {
  const reader = new LineReader(path, (line) => line);
  expect(await linesOf(reader)).toEqual([]);
  await writeFile(path, 'one\ntw');
  expect(await linesOf(reader)).toEqual(['one']);
  await appendFile(path, 'o\n\nthree\n');
  expect(await linesOf(reader)).toEqual(['two', '', 'three']);
  expect(await linesOf(reader)).toEqual([]);
});

it.each([
  ['was cut back', 'one\n', ['one']],
  ['was cut back and has grown again', 'one\nother\nmore\nand more\n', ['one', 'other', 'more', 'and more']],
  ['is gone', undefined, []],
])('begins anew, and says so, where the file %s', async (_, text, lines) => {
  let restarts = 0;
  const reader = new LineReader(
    path,
    (line) => line,
    () => restarts++,
  );
  await writeFile(path, 'one\ntwo\nthree\n');
  await linesOf(reader);
  await (text === undefined ? rm(path) : writeFile(path, text));
  expect(await linesOf(reader)).toEqual(lines);
  expect(restarts).toBe(1);
});

it('goes on where its caller broke off, and reads lines longer than a page', async () => {
  const long = 'x'.repeat(600_000);
  await writeFile(path, `${long}\n${'short\n'.repeat(100_000)}`);
  const reader = new LineReader(path, (line) => line || undefined);
  const lines: string[] = [];
  for (let grown = true; grown; ) {
    grown = false;
    for await (const page of reader.pages()) {
      lines.push(...page);
      grown = true;
      break;
    }
  }
  expect(lines[0]).toBe(long);
  expect(lines.slice(1)).toEqual(Array(100_000).fill('short'));
});
