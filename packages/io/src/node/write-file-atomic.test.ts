import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { writeFileAtomic } from './write-file-atomic.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ludic-io-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

it('makes the folders on the way and replaces what was there', async () => {
  const path = join(folder, 'a', 'b.json');
  await writeFileAtomic(path, 'one');
  await writeFileAtomic(path, 'two');
  expect(await readFile(path, 'utf8')).toBe('two');
  expect(await readdir(join(folder, 'a'))).toEqual(['b.json']);
});

it('gives a file the permissions that were asked for', async () => {
  const path = join(folder, 'secret');
  await writeFileAtomic(path, 'x', 0o600);
  expect((await stat(path)).mode & 0o777).toBe(0o600);
});

it('leaves the old file and no crumbs where the new one cannot take its place', async () => {
  const path = join(folder, 'taken');
  await writeFileAtomic(join(path, 'inside'), 'kept');
  // A folder cannot be replaced by a file.
  await expect(writeFileAtomic(path, 'new')).rejects.toThrow();
  expect(await readFile(join(path, 'inside'), 'utf8')).toBe('kept');
  expect(await readdir(folder)).toEqual(['taken']);
});
