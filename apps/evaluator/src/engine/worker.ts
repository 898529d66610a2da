// The engine: everything that computes, in a worker, so that the page never waits.

import { reportDevices } from '@ludic/runtime/web';
import { fetchHere } from './fetching.ts';
import { Models, type Report } from './models.ts';
import { evaluateHere, rolloutHere } from './playing.ts';
import type { Answers, Failure, FromEngine, Request, ToEngine } from './protocol.ts';
import { trainHere } from './training.ts';

const models = new Models();
const running = new Map<number, AbortController>();

const tell = (message: FromEngine) => postMessage(message);

addEventListener('message', ({ data }: MessageEvent<ToEngine>) => {
  if (data.kind === 'cancel') running.get(data.id)?.abort();
  else void work(data.id, data.request);
});

async function work(id: number, request: Request): Promise<void> {
  const controller = new AbortController();
  running.set(id, controller);
  try {
    const answer = await answerTo(request, (progress) => tell({ kind: 'progress', id, progress }), controller.signal);
    tell({ kind: 'answer', id, answer });
  } catch (error) {
    models.forget(error);
    tell({ kind: 'failure', id, failure: failureOf(error, controller.signal) });
  } finally {
    running.delete(id);
  }
}

async function answerTo(request: Request, report: Report, signal: AbortSignal): Promise<Answers[Request['type']]> {
  switch (request.type) {
    case 'devices':
      return reportDevices();
    case 'pick':
      return { name: models.pick(request.files) };
    case 'fetch':
      return fetchHere(request, models, report, signal);
    case 'evaluate':
      return evaluateHere(request, models, report, signal);
    case 'rollout':
      return rolloutHere(request, models, report, signal);
    case 'train':
      return trainHere(request, models, report, signal);
    default:
      return request satisfies never;
  }
}

function failureOf(error: unknown, signal: AbortSignal): Failure {
  if (signal.aborted) return { code: 'cancelled', message: 'Stopped.' };
  const { code, message } = error as Error & { readonly code?: unknown };
  return { code: typeof code === 'string' ? code : 'fault', message: message || String(error) };
}
