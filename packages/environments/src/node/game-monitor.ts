// The thread of a game watchdog. It counts its own short sleeps, so a machine that was suspended ends nothing.

import { writeSync } from 'node:fs';
import { workerData } from 'node:worker_threads';
import { stuckSentence } from '../watch.ts';
import type { MonitorData } from './game-watchdog.ts';
import { SharedCall } from './shared-call.ts';

const { buffer, timeoutMs, report, advice } = workerData as MonitorData;
const shared = new SharedCall(buffer);
const nap = Math.max(5, Math.min(1000, timeoutMs / 10));
const bed = new Int32Array(new SharedArrayBuffer(4));

let before = 0;
let slept = 0;
while (slept < timeoutMs) {
  Atomics.wait(bed, 0, 0, nap);
  const { counter } = shared;
  const isSameCall = (counter & 1) === 1 && counter === before;
  slept = isSameCall ? slept + nap : 0;
  before = counter;
}
try {
  writeSync(report, `${stuckSentence(shared.read(), timeoutMs / 1000)}${advice}\n`);
} catch {
  // Without a reader the end of the process has to say enough.
}
process.kill(process.pid, 'SIGKILL');
