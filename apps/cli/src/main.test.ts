// What Node makes of the program's files is kept, and nothing rests on it.

import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startLudic } from '../testing/run-ludic.ts';

let scratch = '';
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'ludic-main-'));
});
afterAll(() => rm(scratch, { recursive: true }));

const version = (temporary: string) =>
  startLudic(['--version'], { TMPDIR: temporary, NODE_COMPILE_CACHE: '' }).finished;

const keptFiles = async () =>
  (await readdir(scratch, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());

it('keeps what Node makes of its files, and reads them anew where that is damaged or cannot be written', async () => {
  const first = await version(scratch);
  expect(first).toMatchObject({ code: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/), stderr: '' });
  const kept = await keptFiles();
  expect(kept.length).toBeGreaterThan(100);
  for (const { parentPath, name } of kept) await writeFile(join(parentPath, name), 'damaged');
  expect(await version(scratch)).toEqual(first);
  expect(await version('/dev/null')).toEqual(first);
});
