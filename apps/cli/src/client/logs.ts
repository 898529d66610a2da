// Follows the log of a job: the service answers with the end of the log, and new lines are printed.

import { setTimeout as later } from 'node:timers/promises';
import { isEnd } from '@ludic/service';
import type { LudicClient } from '@ludic/service/client';

/** Milliseconds between two requests. */
const PACE = 1000;
/** Default lines of a request. */
const TAIL = 1000;

/** Lines of `now` that follow those of `before`; both are the end of one log that grows. */
export function newLines(before: readonly string[], now: readonly string[]): readonly string[] {
  // The longest end of `before` with which `now` begins, because a log only grows.
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
    // Asked before the log, so that the log holds everything up to the end.
    const hasEnded = isEnd((await client.job(id, { signal })).status);
    const text = await client.jobLogs(id, { tail }, { signal });
    // An incomplete last line is printed when it is complete.
    const lines = text.split('\n');
    const rest = lines.pop()!;
    const now = hasEnded && rest !== '' ? [...lines, rest] : lines;
    for (const line of newLines(before, now)) write(`${line}\n`);
    if (hasEnded) return;
    before = now;
    await later(PACE, undefined, { signal });
  }
}
