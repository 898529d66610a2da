// Waiting for a lock that another process holds.

import { setTimeout as sleep } from 'node:timers/promises';
import { type Lock, takeLock } from '@ludic/grpo/node';

const POLL_MS = 50;

/** Waits for another holder, without blocking. @returns undefined where it is still held after that time */
export async function awaitLock(path: string, waitMs: number, signal?: AbortSignal): Promise<Lock | undefined> {
  const until = performance.now() + waitMs;
  for (;;) {
    signal?.throwIfAborted();
    const lock = takeLock(path);
    if (lock || performance.now() >= until) return lock;
    await sleep(POLL_MS, undefined, signal && { signal });
  }
}
