// The list of jobs: what it refuses, what it keeps, and what a damaged file leads to.

import { randomBytes } from 'node:crypto';
import { copyFile, mkdir, mkdtemp, open, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openJobs } from '../jobs.ts';
import { JobStore, type StoredJob } from './job-store.ts';

let scratch = '';
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'ludic-job-store-'));
});
afterAll(() => rm(scratch, { recursive: true, force: true }));

let number = 0;
async function freshFolder(): Promise<string> {
  const folder = join(scratch, String(++number));
  await mkdir(join(folder, 'jobs'), { recursive: true });
  return folder;
}

const job = (id: string, output: string | null, status: StoredJob['status'] = 'queued') =>
  ({ id, kind: 'train', output_dir: output, status, step: 0, owner: 'ada' }) as StoredJob;
const event = (each: StoredJob) => ({ type: 'job', data: { status: each.status } });

describe('the list of jobs', () => {
  it('has one active job for a name, and lets a later job keep it', async () => {
    const store = JobStore.open(join(await freshFolder(), 'ludic.db'));
    expect(store.insert(job('a', 'x'), event)).toBe(true);
    expect(store.insert(job('b', 'x'), event)).toBe(false);
    expect(store.get('b')).toBeUndefined();
    expect(store.events('b', 0, 10)).toEqual([]);
    expect(store.insert(job('c', null), event)).toBe(true);
    expect(store.insert(job('d', null), event)).toBe(true);
    store.update('a', 'durable', () => ({ fields: { status: 'failed' } }));
    expect(store.hasActive('x')).toBe(false);
    expect(store.insert(job('e', 'x'), event)).toBe(true);
    expect(store.requeue('a', () => ({ fields: { status: 'queued' } }))).toBeUndefined();
    store.update('e', 'durable', () => ({ fields: { status: 'completed' } }));
    expect(store.requeue('a', () => ({ fields: { status: 'queued' } }))).toBeUndefined();
    store.update('c', 'durable', () => ({ fields: { status: 'failed' } }));
    expect(store.requeue('c', () => ({ fields: { status: 'queued' } }))).toMatchObject({ id: 'c', status: 'queued' });
    // Who comes back stands at the end.
    expect(store.withStatus('queued').map(({ id }) => id)).toEqual(['d', 'c']);
    store.close();
  });

  it('takes a change and its events together or not at all', async () => {
    const store = JobStore.open(join(await freshFolder(), 'ludic.db'));
    store.insert(job('a', 'x'), event);
    const broken = () =>
      store.update('a', 'repeatable', () => ({
        fields: { step: 5 },
        events: [
          { type: 'step', data: 1 },
          { type: null as unknown as string, data: 2 },
        ],
      }));
    expect(broken).toThrow();
    expect(store.get('a')).toMatchObject({ step: 0 });
    expect(store.events('a', 0, 10)).toHaveLength(1);
    store.update('a', 'durable', () => ({ fields: { step: 6 }, events: [{ type: 'step', data: 3 }] }));
    expect(store.events('a', 1, 10)).toEqual([{ seq: 2, type: 'step', data: 3 }]);
    store.close();
  });
});

it('is not blamed for its disk', async () => {
  const nowhere = join(await freshFolder(), 'missing', 'ludic.db');
  expect(() => JobStore.open(nowhere)).toThrow(
    /unable to open database file\. Its disk may be full, .* Nothing is lost\.$/,
  );
});

describe('a file that cannot be trusted', () => {
  async function full(): Promise<string> {
    const path = join(await freshFolder(), 'ludic.db');
    const store = JobStore.open(path);
    for (let i = 0; i < 60; i++) store.insert(job(`job ${i}`, `x${i}`), event);
    store.close();
    return path;
  }

  const damages: Readonly<Record<string, (path: string) => Promise<void>>> = {
    'no database': (path) => writeFile(path, randomBytes(20_000)),
    'cut off': async (path) => truncate(path, Math.floor((await stat(path)).size / 2)),
    emptied: async (path) => {
      await mkdir(join(path, '..', 'jobs', 'train-0123'));
      await truncate(path, 0);
    },
    'overwritten in places': async (path) => {
      const file = await open(path, 'r+');
      for (let at = 4096; at < (await file.stat()).size; at += 8192)
        await file.write(randomBytes(1000), 0, 1000, at + 500);
      await file.close();
    },
    "another program's": async (path) => {
      await rm(path);
      const database = new DatabaseSync(path);
      database.exec('CREATE TABLE birds (name)');
      database.close();
    },
    'of a later version': async (path) => {
      const database = new DatabaseSync(path);
      database.exec('PRAGMA user_version = 99');
      database.close();
    },
  };

  const options = {
    device: 'cpu',
    timeoutMs: 0,
    pool: { evaluateForJob: () => Promise.reject(new Error('Nothing is played here.')) },
  } as const;

  it.each(Object.keys(damages))('%s: it is refused by name and left as it is', async (damage) => {
    const path = await full();
    await damages[damage]!(path);
    const before = await readFile(path);
    const folder = join(path, '..');
    const opening = openJobs({ ...options, dataFolder: folder, maxConcurrent: 1 });
    await expect(opening).rejects.toMatchObject({ code: 'unavailable', message: expect.stringContaining('ludic.db') });
    expect((await readFile(path)).equals(before)).toBe(true);
    // The folder is free again for who has put it right.
    await copyFile(await full(), path);
    const jobs = await openJobs({ ...options, dataFolder: folder, maxConcurrent: 0 });
    expect(jobs.counts().queued).toBe(60);
    await jobs.stop();
  });
});
