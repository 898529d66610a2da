// What a job printed, in a file that its process writes by itself: it outlives the server. The server adds what it knows.

import { appendFileSync } from 'node:fs';
import { copyFile, open, stat, truncate } from 'node:fs/promises';
import type { JobPlaces } from './places.ts';
import { behindBreak } from './whole-lines.ts';

/** Bytes; about twice as much is kept. */
const LARGEST = 8 * 2 ** 20;

export type Log = Pick<JobPlaces, 'log' | 'olderLog'>;

/**
 * Puts what is in a long log aside. Its process goes on writing, at the end of what is then empty; what it writes in the
 * moment between is lost.
 */
export async function boundLog({ log, olderLog }: Log, largest = LARGEST): Promise<void> {
  const found = await stat(log).catch(() => undefined);
  if (!found || found.size <= largest) return;
  await copyFile(log, olderLog);
  await truncate(log);
}

/** A line of the work. A log that cannot be written keeps no job from going on. */
export function print(log: string, line: string): void {
  try {
    appendFileSync(log, `${new Date().toISOString()} ${line}\n`);
  } catch {}
}

/** A line of the server's own. */
export const note = (log: string, line: string): void => print(log, `[server] ${line}`);

/** The last lines; empty where there are none. */
export async function tailOf({ log, olderLog }: Log, lines: number): Promise<string> {
  const text = await endOf(log, lines);
  const missing = lines - countLines(text);
  return missing > 0 ? (await endOf(olderLog, missing)) + text : text;
}

const countLines = (text: string) => text.split('\n').length - (text === '' || text.endsWith('\n') ? 1 : 0);

async function endOf(path: string, lines: number): Promise<string> {
  const handle = await open(path, 'r').catch(() => undefined);
  if (!handle) return '';
  try {
    const { size } = await handle.stat();
    const isEnded = (await behindBreak(handle, 1, size)) === size;
    // The break before the wanted lines is the one behind as many others.
    const start = await behindBreak(handle, isEnded ? lines + 1 : lines, size);
    const end = Buffer.alloc(Math.min(size - start, LARGEST));
    const { bytesRead } = await handle.read(end, 0, end.length, size - end.length);
    return end.toString('utf8', 0, bytesRead);
  } finally {
    await handle.close();
  }
}
