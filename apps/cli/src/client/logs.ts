// What a job prints, as it prints it: the service gives the end of the log, and what is new in it is shown.

import { setTimeout as later } from 'node:timers/promises';
import { isEnd } from '@ludic/service';
import type { LudicClient } from '@ludic/service/client';

/** Milliseconds between two looks. */
const PACE = 1000;
/** Lines of a look, unless more are asked for. */
const TAIL = 1000;

/** Lines of `now` behind those of `before`, where both are the end of one log that grows. */
export function newLines(before: readonly string[], now: readonly string[]): readonly string[] {
  // The end of the old look that the new one begins with; the longest, because a log only grows.
  for (let from = 0; from < before.length; from++) {
    const kept = before.length - from;
    if (kept <= now.length && before.slice(from).every((line, i) => line === now[i])) return now.slice(kept);
  }
  return now;
}

/** Prints until the job has ended or `signal` is aborted. */
export async function followLogs(
  client: LudicClient,
  id: string,
  tail: number = TAIL,
  signal: AbortSignal,
  write: (text: string) => void,
): Promise<void> {
  let before: readonly string[] = [];
  for (;;) {
    // Asked first: what is printed until then is in the look that follows.
    const hasEnded = isEnd((await client.job(id, { signal })).status);
    const text = await client.jobLogs(id, { tail }, { signal });
    // A line that is still being written waits for its end.
    const lines = text.split('\n');
    const rest = lines.pop()!;
    const now = hasEnded && rest !== '' ? [...lines, rest] : lines;
    for (const line of newLines(before, now)) write(`${line}\n`);
    if (hasEnded) return;
    before = now;
    await later(PACE, undefined, { signal });
  }
}
