import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, expect, it } from 'vitest';
import { readJsonl } from './read-jsonl.ts';

const folder = mkdtempSync(join(tmpdir(), 'ludic-items-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it('reads a value from each line, whatever ends the lines', async () => {
  const path = join(folder, 'items.jsonl');
  writeFileSync(path, '{"prompt":"1 + 1","answer":2}\r\n\n"text"\n3');
  const items = [{ prompt: '1 + 1', answer: 2 }, 'text', 3];
  expect(await readJsonl(path)).toEqual(items);
  expect(await readJsonl(pathToFileURL(path))).toEqual(items);
});

it('names the line that is no value, and the file that is not there', async () => {
  const path = join(folder, 'broken.jsonl');
  writeFileSync(path, '{"a":1}\n{"a":\n');
  await expect(readJsonl(path)).rejects.toThrow(`Line 2 of ${path} is no JSON value: mend it.`);
  await expect(readJsonl(join(folder, 'none.jsonl'))).rejects.toThrow(/cannot be read: ENOENT.*none\.jsonl/);
});
