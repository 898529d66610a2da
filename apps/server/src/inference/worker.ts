// The process that holds one model. It hears tasks from the server, works on all of them at once and ends with the server.

import { watchThread } from '@ludic/environments/node';
import { STEP_TIMEOUT } from '@ludic/grpo/node';
import { createRuntime } from '@ludic/runtime/node';
import type { ModelOrigin } from '../models/model-source.ts';
import { hiddenPlaces } from '../models/model-source.ts';
import { endingsOf, openModel } from '../models/open-model.ts';
import { explainedOrFault } from './errors.ts';
import type { Counters, FromModelProcess, InferenceTask, ToModelProcess } from './protocol.ts';
import { countedRuntime, ModelWork } from './work.ts';

const ALIVE_MS = 1000;

watchThread({ timeoutSeconds: STEP_TIMEOUT });

let source: ModelOrigin | undefined;
let work: Promise<ModelWork> | undefined;
let counters = (): Counters => ({ runs: 0, tokens: 0, games: 0, memory: process.memoryUsage.rss() });
const accepted = Promise.withResolvers<void>();
const underWay = new Map<number, AbortController>();

setInterval(() => say({ type: 'alive', counters: counters() }), ALIVE_MS);

// A signal to the whole process group, as from a terminal, also arrives here; the server ends this process in its own time.
process.on('SIGINT', () => {});
process.on('SIGTERM', () => {});
process.on('disconnect', () => process.exit(0));
process.on('message', (message: ToModelProcess) => {
  switch (message.type) {
    case 'open':
      source = message.source;
      work = open(message);
      work.then(
        (opened) => {
          counters = () => opened.counters;
          say({ type: 'opened', warnings: opened.warnings });
        },
        // There is nothing left to do here.
        (error) => say({ type: 'unusable', error: explain(error) }, () => process.exit(0)),
      );
      break;
    case 'accept':
      accepted.resolve();
      break;
    case 'ask':
      void answer(message.id, message.task);
      break;
    case 'cancel':
      underWay.get(message.id)?.abort();
      break;
    default:
      message satisfies never;
  }
});

async function open({ source, device, threads }: ToModelProcess & { type: 'open' }): Promise<ModelWork> {
  let runs = 0;
  const runtime = await createRuntime({ device, ...(threads !== undefined && { threads }) });
  const counted = countedRuntime(runtime, () => {
    runs++;
  });
  const accept = (bytes: number) => {
    say({ type: 'sized', bytes });
    return accepted.promise;
  };
  const model = await openModel(source, counted, accept);
  return new ModelWork(model, () => runs, await endingsOf(source));
}

async function answer(id: number, task: InferenceTask): Promise<void> {
  const controller = new AbortController();
  underWay.set(id, controller);
  try {
    const model = await work!;
    controller.signal.throwIfAborted();
    const result = await workOn(model, id, task, controller.signal);
    say({ type: 'alive', counters: counters() });
    say(result);
  } catch (error) {
    // A model that does not open is told once.
    const opened = await work!.then(
      () => true,
      () => false,
    );
    if (!opened) return;
    const cancelled = controller.signal.aborted
      ? { name: 'AbortError', code: 'cancelled', message: 'The request was taken back.', explained: false }
      : explain(error);
    say({ type: 'failed', id, error: cancelled });
  } finally {
    underWay.delete(id);
  }
}

async function workOn(
  model: ModelWork,
  id: number,
  task: InferenceTask,
  signal: AbortSignal,
): Promise<FromModelProcess> {
  switch (task.kind) {
    case 'evaluate': {
      const evaluation = await model.evaluate(
        task,
        (played, episodes) => {
          for (const episode of episodes) say({ type: 'episode', id, episode });
          say({ type: 'played', id, played });
        },
        signal,
      );
      return { type: 'evaluated', id, evaluation };
    }
    case 'rollout':
      return { type: 'rolled_out', id, episode: await model.rollout(task, signal) };
    case 'chat':
      return {
        type: 'chatted',
        id,
        answer: await model.chat(task, (delta) => say({ type: 'delta', id, delta }), signal),
      };
    default:
      return task satisfies never;
  }
}

const explain = (error: unknown) => explainedOrFault(error, source && hiddenPlaces(source));

/** The server may be gone at any time; then this process goes as well. */
function say(message: FromModelProcess, then: () => void = () => {}): void {
  if (process.connected) process.send!(message, undefined, undefined, then);
}
