// The engine: everything that computes, in a worker, so that the page never waits.

import { modelTraits } from '@ludic/grpo';
import { readCarriedGame } from '@ludic/rollouts/internal';
import { reportDevices } from '@ludic/runtime/web';
import { answerLoad } from './models/download.ts';
import { ModelRegistry } from './models/registry.ts';
import { browse } from './models/sources.ts';
import { answerEvaluate, answerRollout } from './play/episodes.ts';
import { answerHint, answerRate, answerReply } from './play/single-replies.ts';
import type { Answers, Failure, FromEngine, Progress, Request, RequestOf, ToEngine } from './protocol.ts';
import { deleteRun, listRuns, openRunModels } from './runs/run-models.ts';
import { Runs } from './runs/runs.ts';
import type { Work } from './work.ts';

const models = new ModelRegistry();
const runs = new Runs();
const running = new Map<number, AbortController>();

const send = (message: FromEngine) => postMessage(message);

addEventListener('message', ({ data }: MessageEvent<ToEngine>) => {
  if (data.kind === 'cancel') running.get(data.id)?.abort();
  else void answer(data.id, data.request);
});

/** Answers one request with one message; a failure is a message, too. */
async function answer(id: number, request: Request): Promise<void> {
  const controller = new AbortController();
  running.set(id, controller);
  try {
    await models.ready;
    const report = (progress: Progress) => send({ kind: 'progress', id, progress });
    const handle = HANDLERS[request.type] as Handler<Request['type']>;
    const work = { models, runs, report, signal: controller.signal };
    send({ kind: 'answer', id, answer: await handle(request, work) });
  } catch (error) {
    models.forgetLostDevice(error);
    send({ kind: 'failure', id, failure: failureOf(error, controller.signal) });
  } finally {
    running.delete(id);
  }
}

type Handler<Type extends Request['type']> = (
  request: RequestOf<Type>,
  work: Work,
) => Answers[Type] | Promise<Answers[Type]>;

/** What answers each type of request; the training is a part of the engine that is loaded with the first. */
const HANDLERS: { readonly [Type in Request['type']]: Handler<Type> } = {
  devices: reportDevices,
  game: ({ model }, { report, signal }) => readCarriedGame(models.files(model, report, signal)),
  traits: ({ model }, { report, signal }) => modelTraits(models.files(model, report, signal)),
  pick: ({ files }) => models.pick(files),
  models: () => models.storage(),
  browse: ({ source }, { signal }) => browse(source, signal),
  load: answerLoad,
  keep: ({ name }) => models.keep(name),
  remove: ({ name }) => models.remove(name),
  evaluate: answerEvaluate,
  rollout: answerRollout,
  reply: answerReply,
  hint: answerHint,
  rate: answerRate,
  train: async (request, work) => (await import('./runs/training.ts')).answerTraining(request, work),
  continue: async (request, work) => (await import('./runs/training.ts')).answerTraining(request, work),
  runs: listRuns,
  run: openRunModels,
  games: ({ run, step }) => runs.games(run, step),
  delete: deleteRun,
  download: ({ run, part }) => runs.zip(run, part),
};

/** An error as plain data, with a sentence that can be shown. */
function failureOf(error: unknown, signal: AbortSignal): Failure {
  if (signal.aborted) return { code: 'cancelled', message: 'Stopped.' };
  const { code, message, name } = error as Error & { readonly code?: unknown };
  if (name === 'NotFoundError')
    return {
      code: 'gone',
      message: 'What has to be read is no longer in this browser: perhaps another tab deleted it.',
    };
  return { code: typeof code === 'string' ? code : 'fault', message: message || String(error) };
}
