// What a job printed, in a file that its process writes by itself: it outlives the server. The server adds what it knows.

import { appendFileSync } from 'node:fs';
import { copyFile, open, stat, truncate } from 'node:fs/promises';
import type { JobPlaces } from './places.ts';

/** Bytes; about twice as much is kept. */
const LARGEST = 8 * 2 ** 20;
/** The end of a log is read in blocks of this size. */
const BLOCK = 2 ** 16;

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

/** A line of the server's own. A log that cannot be written keeps no job from going on. */
export function note(log: string, line: string): void {
  try {
    appendFileSync(log, `${new Date().toISOString()} [server] ${line}\n`);
  } catch {}
}

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
    const blocks: Buffer[] = [];
    let at = size;
    let breaks = 0;
    // One break more than lines: the one before the first line, unless the file begins there.
    while (at > 0 && breaks <= lines && size - at < LARGEST) {
      const length = Math.min(BLOCK, at);
      at -= length;
      const block = Buffer.alloc(length);
      const { bytesRead } = await handle.read(block, 0, length, at);
      const whole = block.subarray(0, bytesRead);
      for (const byte of whole) if (byte === 10) breaks++;
      blocks.unshift(whole);
    }
    const text = Buffer.concat(blocks).toString();
    const all = text.split('\n');
    const ended = text.endsWith('\n') ? 1 : 0;
    return all.slice(Math.max(0, all.length - ended - lines)).join('\n');
  } finally {
    await handle.close();
  }
}
