// The engine: everything that computes, in a worker, so that the page never waits.

import { modelTraits } from '@ludic/grpo';
import { readCarriedGame } from '@ludic/rollouts/internal';
import { reportDevices } from '@ludic/runtime/web';
import { answerLoad } from './models/download.ts';
import { ModelRegistry } from './models/registry.ts';
import { browse } from './models/sources.ts';
import { answerEvaluate, answerRollout } from './play/episodes.ts';
import { answerHint, answerRate, answerReply } from './play/single-replies.ts';
import type { Answers, Failure, FromEngine, Progress, Request, ToEngine } from './protocol.ts';
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
    const result = await answerTo(request, { models, runs, report, signal: controller.signal });
    send({ kind: 'answer', id, answer: result });
  } catch (error) {
    models.forgetLostDevice(error);
    send({ kind: 'failure', id, failure: failureOf(error, controller.signal) });
  } finally {
    running.delete(id);
  }
}

/** The one place where requests meet their handlers; the switch holds each answer to its type in `Answers`. */
async function answerTo(request: Request, work: Work): Promise<Answers[Request['type']]> {
  const { report, signal } = work;
  switch (request.type) {
    case 'devices':
      return reportDevices();
    case 'game':
      return readCarriedGame(models.files(request.model, report, signal));
    case 'traits':
      return modelTraits(models.files(request.model, report, signal));
    case 'pick':
      return models.pick(request.files);
    case 'models':
      return models.storage();
    case 'browse':
      return browse(request.source, signal);
    case 'load':
      return answerLoad(request, work);
    case 'keep':
      return models.keep(request.name);
    case 'remove':
      return models.remove(request.name);
    case 'evaluate':
      return answerEvaluate(request, work);
    case 'rollout':
      return answerRollout(request, work);
    case 'reply':
      return answerReply(request, work);
    case 'hint':
      return answerHint(request, work);
    case 'rate':
      return answerRate(request, work);
    case 'train':
    case 'continue':
      return (await import('./runs/training.ts')).answerTraining(request, work);
    case 'runs':
      return listRuns(models, runs);
    case 'run':
      return openRunModels(request.run, models, runs);
    case 'games':
      return runs.games(request.run, request.step);
    case 'delete':
      return deleteRun(request.run, models, runs);
    case 'download':
      return runs.zip(request.run, request.part);
    default:
      return request satisfies never;
  }
}

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
