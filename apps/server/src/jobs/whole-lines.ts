// The part of a growing file of lines that is written, up to its last line break: all of it, or lines at one of its ends.

import { type FileHandle, open } from 'node:fs/promises';
import { Readable } from 'node:stream';

const BLOCK = 2 ** 16;
const LINE_BREAK = 10;

interface WholeLines {
  /** Bytes of the lines, the line break of the last included. */
  readonly size: number;
  /** The lines; closes the file at their end. */
  read(): ReadableStream<Uint8Array>;
  close(): Promise<void>;
}

export interface WantedLines {
  /** At most so many lines from the beginning. */
  readonly first?: number | undefined;
  /** Of those, at most so many from the end. */
  readonly last?: number | undefined;
}

/** @returns undefined where there is no such file */
export async function openWholeLines(path: string, { first, last }: WantedLines = {}): Promise<WholeLines | undefined> {
  const handle = await open(path, 'r').catch(() => undefined);
  if (!handle) return undefined;
  try {
    const whole = await behindBreak(handle, 1, (await handle.stat()).size);
    const end = first === undefined ? whole : await endOfLines(handle, first, whole);
    // The break before the wanted lines is the one behind as many others.
    const start = last === undefined ? 0 : await behindBreak(handle, last + 1, end);
    return {
      size: end - start,
      read: () => Readable.toWeb(handle.createReadStream({ start, end: end - 1 })) as ReadableStream<Uint8Array>,
      close: () => handle.close(),
    };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** The place behind a line break, the `count`-th from `end` back; 0 where there are fewer. */
export async function behindBreak(handle: FileHandle, count: number, end: number): Promise<number> {
  const block = Buffer.alloc(Math.min(BLOCK, end));
  let left = count;
  for (let to = end; to > 0; to -= block.length) {
    const from = Math.max(0, to - block.length);
    const { bytesRead } = await handle.read(block, 0, to - from, from);
    for (let at = bytesRead; at > 0; ) {
      at = block.subarray(0, at).lastIndexOf(LINE_BREAK);
      if (at < 0) break;
      if (--left === 0) return from + at + 1;
    }
  }
  return 0;
}

/** The place behind the first `count` lines; `end` where there are no more. */
async function endOfLines(handle: FileHandle, count: number, end: number): Promise<number> {
  const block = Buffer.alloc(Math.min(BLOCK, end));
  let left = count;
  for (let from = 0; from < end; from += block.length) {
    const { bytesRead } = await handle.read(block, 0, Math.min(block.length, end - from), from);
    for (let at = 0; at < bytesRead; at++) {
      at = block.subarray(0, bytesRead).indexOf(LINE_BREAK, at);
      if (at < 0) break;
      if (--left === 0) return from + at + 1;
    }
  }
  return end;
}
