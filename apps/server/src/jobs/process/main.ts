// The process of one job. It ends when its work ends, when it is asked to, and when the server is gone; it saves first.

import { constants, setPriority } from 'node:os';
import { join } from 'node:path';
import { holdLock } from '../lock.ts';
import { evaluateJob } from './evaluate.ts';
import type { FromJob, ToJob } from './messages.ts';
import { trainJob } from './train.ts';

const ALIVE_MS = 2000;
/** Longest wait for the process of an earlier attempt, whose server was killed, to save and end. */
const ORPHAN_MS = 10 * 60_000;

/** Errors whose message tells users what to do: another attempt would end the same way. */
const EXPLAINED = new Set([
  'ServiceError',
  'EnvironmentError',
  'HistoryError',
  'ModelError',
  'HubError',
  'PolicyError',
  'GrpoError',
  'RuntimeError',
]);

const controller = new AbortController();

function send(message: FromJob): void {
  // Without a server there is nobody to tell, and the work is about to end.
  if (process.connected) process.send!(message, undefined, undefined, () => {});
}

export const say = (line: string) => process.stdout.write(`${new Date().toISOString()} ${line}\n`);

let ended = false;
process.on('disconnect', () => {
  if (ended || controller.signal.aborted) return;
  say('The server is gone: saving, and ending.');
  controller.abort();
});
process.on('SIGTERM', () => controller.abort());
// Ctrl-C in a terminal reaches the whole group; the server says what is to be done.
process.on('SIGINT', () => {});

process.on('message', async (message: ToJob) => {
  if (message.type === 'stop') {
    say('Asked to end: saving.');
    controller.abort();
    return;
  }
  const { id, dataFolder, job } = message;
  // Answers come first: whoever waits for one waits in person.
  setPriority(constants.priority.PRIORITY_BELOW_NORMAL);
  setInterval(() => send({ type: 'alive' }), ALIVE_MS).unref();
  try {
    const folder = join(dataFolder, 'jobs', id);
    const lock = holdLock(join(folder, 'lock.db'), ORPHAN_MS);
    if (!lock) throw new Error('The process of an earlier attempt does not end.');
    const context = { ...message, folder, signal: controller.signal, send, say };
    const end = job.kind === 'train' ? await trainJob(job, context) : await evaluateJob(job, context);
    say(end.status === 'finished' ? 'Finished.' : 'Saved.');
    send({ type: 'ended', ...end });
  } catch (error) {
    const { name, message: reason, code, stack } = error as Error & { readonly code?: string };
    process.stderr.write(`${stack ?? String(error)}\n`);
    if (EXPLAINED.has(name)) send({ type: 'failed', reason });
    else if (code === 'ENOSPC')
      send({ type: 'failed', reason: 'The disk is full. Free some space and resume the job.' });
    else process.exitCode = 1;
  } finally {
    ended = true;
    if (process.connected) process.disconnect();
    // Native threads of the runtime would keep the process for a while.
    setTimeout(() => process.exit(), 1000).unref();
  }
});
