// Ends this process when a game does not come back from a call. An endless loop blocks its thread, so a second thread
// looks at what the first is in: it tells which game, seed and turn, and ends the process, which can do nothing itself.

import { Worker } from 'node:worker_threads';
import { limitAnswers, watchGames } from '../watch.ts';
import { SharedCall } from './shared-call.ts';

/** How long a call into a game may take, and what is said of one that takes longer. */
export interface WatchdogOptions {
  /** Longest time in one call of a game, and of what it promises. */
  readonly timeoutSeconds: number;
  /** File descriptor that the sentence is written to. Default: standard error. */
  readonly report?: number;
  /** What follows the sentence, for people. */
  readonly advice?: string;
}

/** A running watchdog; `stop` ends it. */
export interface GameWatchdog {
  stop(): void;
}

export interface MonitorData {
  readonly buffer: SharedArrayBuffer;
  readonly timeoutMs: number;
  readonly report: number;
  readonly advice: string;
}

/** Watches the games of this thread until it is stopped. */
export function watchThread({ timeoutSeconds, report = 2, advice = '' }: WatchdogOptions): GameWatchdog {
  const shared = new SharedCall();
  const data: MonitorData = { buffer: shared.buffer, timeoutMs: 1000 * timeoutSeconds, report, advice };
  const script = import.meta.url.endsWith('.ts') ? './game-monitor.ts' : './game-monitor.js';
  const monitor = new Worker(new URL(script, import.meta.url), { workerData: data, execArgv: [] });
  // Without its watchdog a program runs as well.
  monitor.on('error', () => {});
  monitor.unref();
  limitAnswers(timeoutSeconds);
  let depth = 0;
  watchGames({
    // A game may play another one: the outermost call is the one that has to come back.
    enter: (call) => {
      if (depth++ === 0) shared.enter(call);
    },
    leave: () => {
      if (--depth === 0) shared.leave();
    },
  });
  return {
    stop() {
      watchGames(undefined);
      limitAnswers(undefined);
      void monitor.terminate();
    },
  };
}
