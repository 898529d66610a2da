// The part of a growing file of lines that is written: up to its last line break.

import { type FileHandle, open } from 'node:fs/promises';
import { Readable } from 'node:stream';

const BLOCK = 2 ** 16;

export interface WholeLines {
  /** Bytes up to the last line break, it included. */
  readonly size: number;
  /** The lines; closes the file at their end. */
  read(): ReadableStream<Uint8Array>;
  close(): Promise<void>;
}

/** @returns undefined where there is no such file */
export async function openWholeLines(path: string): Promise<WholeLines | undefined> {
  const handle = await open(path, 'r').catch(() => undefined);
  if (!handle) return undefined;
  try {
    const size = await endOfLines(handle);
    return {
      size,
      read: () => Readable.toWeb(handle.createReadStream({ start: 0, end: size - 1 })) as ReadableStream<Uint8Array>,
      close: () => handle.close(),
    };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

async function endOfLines(handle: FileHandle): Promise<number> {
  const { size } = await handle.stat();
  const block = Buffer.alloc(Math.min(BLOCK, size));
  for (let end = size; end > 0; ) {
    const start = Math.max(0, end - block.length);
    const { bytesRead } = await handle.read(block, 0, end - start, start);
    const last = block.subarray(0, bytesRead).lastIndexOf(10);
    if (last >= 0) return start + last + 1;
    end = start;
  }
  return 0;
}
