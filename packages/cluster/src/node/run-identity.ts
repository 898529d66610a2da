// What a run is called on the NATS server, kept in its folder: the process that goes on with it clears away what was left there.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomic } from '@ludic/io/node';
import { z } from 'zod';

const FILE = 'cluster.json';
const schema = z.object({ run: z.string().regex(/^[\w-]{1,64}$/), starts: z.int().min(0) });

export interface RunIdentity {
  readonly run: string;
  /** Counts the coordinators that the run has had: tasks of an earlier one are no longer answered. */
  readonly starts: number;
}

/** @param newName makes the name of a run that has none */
export async function identifyRun(folder: string, newName: () => string): Promise<RunIdentity> {
  const path = join(folder, FILE);
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  let known: RunIdentity | undefined;
  try {
    known = text === undefined ? undefined : schema.parse(JSON.parse(text));
  } catch {
    // Damaged: under another name the run loses nothing but the clearing away.
  }
  const identity = { run: known?.run ?? newName(), starts: (known?.starts ?? 0) + 1 };
  await writeFileAtomic(path, `${JSON.stringify(identity)}\n`);
  return identity;
}
