// Locks that end with their holder and not before.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { awaitLock, takeLock } from './file-lock.ts';

let scratch = '';
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'ludic-lock-'));
});
const holders: ChildProcess[] = [];
afterEach(() => {
  for (const child of holders.splice(0)) child.kill('SIGKILL');
});
afterAll(() => rm(scratch, { recursive: true, force: true }));

/** A process that takes the lock, refers to it nowhere, collects garbage, and lives on. */
async function holder(path: string): Promise<ChildProcess> {
  const module = import.meta.resolve('./file-lock.ts');
  const text = `
    import { takeLock } from ${JSON.stringify(module)};
    (() => { if (!takeLock(${JSON.stringify(path)})) process.exit(3); })();
    for (let i = 0; i < 5; i++) { globalThis.gc(); await new Promise((resolve) => setTimeout(resolve, 5)); }
    console.log('held');
    setInterval(() => {}, 1000);`;
  const args = ['--expose-gc', '--disable-warning=ExperimentalWarning', '--input-type=module', '--eval', text];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'ignore'] });
  holders.push(child);
  await once(child.stdout!, 'data');
  return child;
}

describe('a lock', () => {
  it('is held by one, for as long as its process lives, and free after kill -9', async () => {
    const path = join(scratch, 'a.db');
    const child = await holder(path);
    expect(takeLock(path)).toBeUndefined();
    expect(await awaitLock(path, 120)).toBeUndefined();
    const waiting = awaitLock(path, 60_000);
    child.kill('SIGKILL');
    const lock = await waiting;
    expect(lock).toBeDefined();
    expect(takeLock(path)).toBeUndefined();
    lock!.release();
    takeLock(path)!.release();
  });

  it('is not waited for any longer by a process that is told to end', async () => {
    const path = join(scratch, 'b.db');
    const lock = takeLock(path)!;
    const controller = new AbortController();
    const waiting = awaitLock(path, 60_000, { signal: controller.signal });
    await sleep(20);
    controller.abort();
    await expect(waiting).rejects.toMatchObject({ name: 'AbortError' });
    lock.release();
  });
});
