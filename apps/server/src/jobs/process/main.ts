// The process of one training. It ends when its work ends, when it is asked to, and when the server is gone; it saves first.

import { mkdirSync } from 'node:fs';
import { constants } from 'node:os';
import { dirname } from 'node:path';
import { watchThread } from '@ludic/environments/node';
import { STEP_TIMEOUT } from '@ludic/grpo/node';
import { answerRequests, type Handlers } from '@ludic/io';
import { awaitLock, ipcChannel } from '@ludic/io/node';
import { stepBack } from '../../step-back.ts';
import { AGENT } from '../agent-tasks.ts';
import { beginAgents } from './agent-rollouts.ts';
import { finalReason } from './final-reason.ts';
import type { FromJob, FromProcess, RolloutCalls, ToJob } from './messages.ts';
import { INTERRUPTED, type TrainingEnd, trainJob } from './train.ts';

type Begin = Extract<ToJob, { type: 'begin' }>;

const ALIVE_MS = 2000;

const controller = new AbortController();
const { signal } = controller;
let graceMs = 0;
let isOver = false;

const say = (line: string) => process.stdout.write(`${new Date().toISOString()} ${line}\n`);

const channel = ipcChannel<FromProcess, ToJob>(process);
/** Settled where agents of other programs are trained: nothing else is asked. */
const agents = Promise.withResolvers<Handlers<RolloutCalls>>();
const answerAgents = answerRequests<RolloutCalls>(channel.send, agents.promise);

process.on('disconnect', () => {
  if (isOver) return;
  if (!signal.aborted) say('The server is gone: saving, and ending.');
  controller.abort();
  // No server is left to end this process.
  setTimeout(() => process.kill(process.pid, 'SIGKILL'), graceMs).unref();
});
// A manager of services may end the whole group: then the server wants the same.
process.on('SIGTERM', () => controller.abort());
// Ctrl-C in a terminal reaches the whole group too; a second one is for the server to deal with.
process.on('SIGINT', () => controller.abort());

channel.listen((message) => {
  switch (message.type) {
    case 'begin':
      void begin(message);
      break;
    case 'ask':
    case 'cancel':
      answerAgents(message);
      break;
    case 'stop':
      say('Asked to end: saving.');
      controller.abort();
      break;
    default:
      message satisfies never;
  }
});

async function begin(given: Begin): Promise<void> {
  graceMs = given.graceMs;
  // Answers to requests come before jobs.
  stepBack(constants.priority.PRIORITY_BELOW_NORMAL);
  watchThread({ timeoutSeconds: STEP_TIMEOUT });
  setInterval(() => void channel.send({ type: 'alive' }), ALIVE_MS).unref();
  let code = 0;
  try {
    const end = await work(given);
    say(end.status === 'finished' ? 'Finished.' : 'Saved.');
    await channel.send({ type: 'ended', ...end });
  } catch (error) {
    process.stderr.write(`${(error as Error).stack ?? String(error)}\n`);
    const reason = finalReason(error, given.dataFolder);
    if (reason === undefined) code = 1;
    else await channel.send({ type: 'failed', reason });
  }
  isOver = true;
  // Native threads of the runtime would keep the process alive for a while.
  process.exit(code);
}

async function work({ lock: path, lockWaitMs, ...context }: Begin): Promise<TrainingEnd> {
  const { job } = context;
  mkdirSync(dirname(path), { recursive: true });
  try {
    // Never released: it ends with the process, and not before.
    if (!(await awaitLock(path, lockWaitMs, { signal })))
      throw new Error('An earlier process of this job does not end.');
    if (job.request.env_type === AGENT) agents.resolve(beginAgents(context.dataFolder, context.id, signal));
    const given = { ...context, signal, send: (message: FromJob) => void channel.send(message), say };
    return await trainJob(job, given);
  } catch (error) {
    if (signal.aborted && (error as Error).name === 'AbortError') return INTERRUPTED;
    throw error;
  }
}
