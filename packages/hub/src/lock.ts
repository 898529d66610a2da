// One process at a time: a mark that a living owner keeps moving. Whoever finds a mark waits until it is gone or its
// owner is: at once where that process of this machine has ended, else when the mark has stood still for a while.

import { mkdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileError } from './errors.ts';

const POLL = 250;
const HEARTBEAT = 2000;
/** Polls without a heartbeat after which an owner counts as gone. */
const STILL = 60;
/** Marks that this process has made. */
let turns = 0;

/** @param onWait called once where another process is at it */
export async function alone<T>(mark: string, work: () => Promise<T>, onWait: () => void): Promise<T> {
  const own = JSON.stringify({ host: hostname(), pid: process.pid, turn: ++turns });
  await acquire(mark, own, onWait);
  let beats = 0;
  const heart = setInterval(() => {
    beats++;
    void utimes(mark, beats, beats).catch(() => {});
  }, HEARTBEAT);
  try {
    return await work();
  } finally {
    clearInterval(heart);
    if ((await readMark(mark))?.text === own) await rm(mark, { force: true });
  }
}

async function acquire(mark: string, own: string, onWait: () => void): Promise<void> {
  let seen = '';
  let still = 0;
  let told = false;
  for (;;) {
    try {
      await mkdir(dirname(mark), { recursive: true });
      await writeFile(mark, own, { flag: 'wx' });
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw fileError(error, mark);
    }
    const other = await readMark(mark);
    if (!other) {
      await sleep(1);
      continue;
    }
    const now = `${other.text} ${other.beat}`;
    still = now === seen ? still + 1 : 0;
    seen = now;
    if (still >= STILL || hasEnded(other.text)) {
      await remove(mark, other.text);
      continue;
    }
    if (!told) onWait();
    told = true;
    await sleep(POLL);
  }
}

/** Removes the mark of an owner that is gone; one that someone else has made in the meantime is put back. */
async function remove(mark: string, text: string): Promise<void> {
  const aside = `${mark}.${process.pid}.${++turns}`;
  try {
    await rename(mark, aside);
  } catch {
    return;
  }
  if ((await readFile(aside, 'utf8')) === text) await rm(aside, { force: true });
  else await rename(aside, mark);
}

async function readMark(mark: string): Promise<{ readonly text: string; readonly beat: number } | undefined> {
  try {
    return { text: await readFile(mark, 'utf8'), beat: (await stat(mark)).mtimeMs };
  } catch {
    return undefined;
  }
}

/** Whether a mark names a process of this machine that is no more. */
function hasEnded(text: string): boolean {
  let owner: { readonly host?: unknown; readonly pid?: unknown };
  try {
    owner = JSON.parse(text);
  } catch {
    // Half written: its owner is about to go on, or has been killed; then it stands still.
    return false;
  }
  if (owner.host !== hostname() || typeof owner.pid !== 'number') return false;
  try {
    process.kill(owner.pid, 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}
