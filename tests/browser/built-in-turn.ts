// The built page, for test files that run beside each other.

import { createHash } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { builtPage } from '../../apps/cli/src/evaluator/built-page.ts';
import { awaitLock } from '../../packages/io/src/node/file-lock.ts';

/** Test files run beside each other: one of them builds, the others wait for it. */
export async function builtInTurn(): Promise<string> {
  const checkout = createHash('sha256')
    .update(import.meta.dirname)
    .digest('hex')
    .slice(0, 12);
  const lock = await awaitLock(join(tmpdir(), `ludic-page-${checkout}.lock`), 120_000);
  if (!lock) throw new Error('Another process builds the page and does not end.');
  try {
    return await builtPage();
  } finally {
    lock.release();
  }
}
