// What a job printed, in a file that its process writes by itself: it outlives the server.

import { open, rename, stat } from 'node:fs/promises';

const LARGEST = 8 * 2 ** 20;
/** The end of a log is read in blocks of this size. */
const BLOCK = 2 ** 16;

/** Puts a log that has grown large aside before more is written to it. */
export async function rotateLog(path: string): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (found && found.size > LARGEST) await rename(path, `${path}.before`);
}

/** The last lines of a file; empty where there is none. */
export async function tailOf(path: string, lines: number): Promise<string> {
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
      await handle.read(block, 0, length, at);
      for (const byte of block) if (byte === 10) breaks++;
      blocks.unshift(block);
    }
    const text = Buffer.concat(blocks).toString();
    const all = text.split('\n');
    const ended = text.endsWith('\n') ? 1 : 0;
    return all.slice(Math.max(0, all.length - ended - lines)).join('\n');
  } finally {
    await handle.close();
  }
}
