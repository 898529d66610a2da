// The process that holds one model. It hears tasks from the server, works on all of them at once and ends with the server.

import { type GameFile, watchThread } from '@ludic/environments/node';
import { STEP_TIMEOUT } from '@ludic/grpo/node';
import { type Answering, answerRequests, type SerializedError } from '@ludic/io';
import { ipcChannel } from '@ludic/io/node';
import { createRuntime } from '@ludic/runtime/node';
import { loadGame } from '../games.ts';
import type { ModelOrigin } from '../models/model-source.ts';
import { hiddenPlaces } from '../models/model-source.ts';
import { endingsOf, openModel } from '../models/open-model.ts';
import { stepBack } from '../step-back.ts';
import { explainedOrFault } from './errors.ts';
import type { Counters, FromModelProcess, ModelCalls, ModelSetup, ToModelProcess } from './protocol.ts';
import { countedRuntime, ModelWork } from './work.ts';

const ALIVE_MS = 1000;

/** A little below the server, and above trainings. */
stepBack(5);
watchThread({ timeoutSeconds: STEP_TIMEOUT });

let source: ModelOrigin | undefined;
let games: readonly GameFile[] = [];
let counters = (): Counters => ({ runs: 0, tokens: 0, games: 0, memory: process.memoryUsage.rss() });
const accepted = Promise.withResolvers<void>();
/** A model that does not open is told once, to what has asked for it to be opened: this does not reject. */
const opened = Promise.withResolvers<ModelWork>();

const channel = ipcChannel<FromModelProcess, ToModelProcess>(process);
const sayAlive = () => void channel.send({ type: 'alive', counters: counters() });
setInterval(sayAlive, ALIVE_MS);

// A signal to the whole process group, as from a terminal, also arrives here; the server ends this process in its own time.
process.on('SIGINT', () => {});
process.on('SIGTERM', () => {});
// The server may be gone at any time; then this process goes as well.
process.on('disconnect', () => process.exit(0));

const answer = answerRequests<ModelCalls>(
  channel.send,
  {
    async open(setup, { report }) {
      source = setup.source;
      games = setup.games;
      const model = await open(setup, report);
      counters = () => model.counters;
      opened.resolve(model);
      return { warnings: model.warnings };
    },
    evaluate: (task, { report, signal }) =>
      withModel(signal, async (model) => {
        const changed = await loadGame(task.environment, games);
        if (changed !== undefined) await report({ type: 'warning', message: changed });
        return model.evaluate(task, report, signal);
      }),
    rollout: (task, { signal }) =>
      withModel(signal, async (model) => {
        await loadGame(task.environment, games);
        return model.rollout(task, signal);
      }),
    chat: (task, { report, signal }) => withModel(signal, (model) => model.chat(task, report, signal)),
  },
  describe,
);
channel.listen((message) => (message.type === 'accept' ? accepted.resolve() : answer(message)));

async function open({ source, device, threads }: ModelSetup, report: Answering<number>['report']): Promise<ModelWork> {
  let runs = 0;
  const runtime = await createRuntime({ device, ...(threads !== undefined && { threads }) });
  const counted = countedRuntime(runtime, () => {
    runs++;
  });
  const accept = (bytes: number) => {
    void report(bytes);
    return accepted.promise;
  };
  const model = await openModel(source, counted, accept);
  return new ModelWork(model, () => runs, await endingsOf(source));
}

async function withModel<T>(signal: AbortSignal, work: (model: ModelWork) => Promise<T>): Promise<T> {
  const model = await opened.promise;
  signal.throwIfAborted();
  const result = await work(model);
  // What it took is known before the answer is.
  sayAlive();
  return result;
}

function describe(error: unknown, signal: AbortSignal): SerializedError {
  if (signal.aborted)
    return { name: 'AbortError', code: 'cancelled', message: 'The request was taken back.', explained: false };
  return explainedOrFault(error, source && hiddenPlaces(source));
}
