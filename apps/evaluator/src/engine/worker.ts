// The engine: everything that computes, in a worker, so that the page never waits.

import { modelTraits } from '@ludic/grpo';
import {
  type Answering,
  answerRequests,
  type Handlers,
  postChannel,
  type ReplyMessage,
  type RequestMessage,
  type SerializedError,
} from '@ludic/io';
import { readCarriedGame } from '@ludic/rollouts/internal';
import { reportDevices } from '@ludic/runtime/web';
import { loadOwnGames } from '../own-games.ts';
import { answerLoad } from './models/download.ts';
import { ModelRegistry } from './models/registry.ts';
import { browse } from './models/sources.ts';
import { answerEvaluate, answerRollout } from './play/episodes.ts';
import { answerHint, answerRate, answerReply } from './play/single-replies.ts';
import type { EngineCalls, Progress } from './protocol.ts';
import { deleteRun, listRuns, openRunModels } from './runs/run-models.ts';
import { Runs } from './runs/runs.ts';
import type { Work } from './work.ts';

const models = new ModelRegistry();
const runs = new Runs();
const workOf = (answering: Answering<Progress>): Work => ({ models, runs, ...answering });

/** What answers each type of request; the training is a part of the engine that is loaded with the first. */
const HANDLERS: Handlers<EngineCalls> = {
  devices: () => reportDevices(),
  game: ({ model }, { report, signal }) => readCarriedGame(models.files(model, report, signal)),
  traits: ({ model }, { report, signal }) => modelTraits(models.files(model, report, signal)),
  pick: ({ files }) => models.pick(files),
  models: () => models.storage(),
  browse: ({ source }, { signal }) => browse(source, signal),
  load: (request, work) => answerLoad(request, workOf(work)),
  keep: ({ name }) => models.keep(name),
  remove: ({ name }) => models.remove(name),
  evaluate: (request, work) => answerEvaluate(request, workOf(work)),
  rollout: (request, work) => answerRollout(request, workOf(work)),
  reply: (request, work) => answerReply(request, workOf(work)),
  hint: (request, work) => answerHint(request, workOf(work)),
  rate: (request, work) => answerRate(request, workOf(work)),
  train: async (request, work) => (await import('./runs/training.ts')).answerTraining(request, workOf(work)),
  continue: async (request, work) => (await import('./runs/training.ts')).answerTraining(request, workOf(work)),
  runs: (request, work) => listRuns(request, workOf(work)),
  run: (request, work) => openRunModels(request, workOf(work)),
  games: ({ run, step }) => runs.games(run, step),
  delete: (request, work) => deleteRun(request, workOf(work)),
  download: ({ run, part }) => runs.zip(run, part),
};

/** An error as plain data, with a sentence that can be shown. */
function failureOf(error: unknown, signal: AbortSignal): SerializedError {
  models.forgetLostDevice(error);
  const failure = (code: string, message: string) => ({ name: 'EngineError', code, message, explained: true });
  if (signal.aborted) return failure('cancelled', 'Stopped.');
  const { code, message, name } = error as Error & { readonly code?: unknown };
  if (name === 'NotFoundError')
    return failure('gone', 'What has to be read is no longer in this browser: perhaps another tab deleted it.');
  return failure(typeof code === 'string' ? code : 'fault', message || String(error));
}

const channel = postChannel<ReplyMessage<EngineCalls>, RequestMessage<EngineCalls>>(self);
/** The page tells of games that cannot be loaded. */
const games = self.name !== 'engine' && loadOwnGames(self.name).catch(() => {});
// Requests wait until it is known what is stored, and which games there are.
channel.listen(
  answerRequests<EngineCalls>(
    channel.send,
    Promise.all([models.ready, games]).then(() => HANDLERS),
    failureOf,
  ),
);
