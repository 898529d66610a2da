// GRPO in the page: a run like any other, in the browser's storage. What was trained is files, apart from the device, so
// that it can be played on any. The worker loads this file when something is trained: a page that plays does without it.

import { type RunEvent, type RunStart, trainRun } from '@ludic/grpo';
import type { Answers, RequestOf } from '../protocol.ts';
import type { Report, Work } from '../work.ts';
import { storedGames } from './stored-games.ts';

/** Begins a run, or goes on after its last checkpoint. Ends early where it is cancelled, with what was learned until then. */
export async function answerTraining(
  request: RequestOf<'train'> | RequestOf<'continue'>,
  { models, runs, report, signal }: Work,
): Promise<Answers['train']> {
  if (request.type === 'train' && models.isTransformersModel(request.model))
    throw new Error(
      `${request.model} is run by transformers.js, which cannot train: choose nano or a model with safetensors.`,
    );
  const [name, start]: [string, RunStart] =
    request.type === 'train'
      ? [request.saveAs, { kind: 'new', model: request.model, settings: request.settings }]
      : [request.run, { kind: 'resume' }];
  const openFiles = async (model: string) => models.files(model, report, signal);
  return runs.withLock(name, async () => {
    const runtime = await models.runtime(request.device, report);
    if (start.kind === 'new' && !(await runs.clear(name)))
      throw new Error(`There is a run ${name} by now, from another tab: train again, and this one gets another name.`);
    const storage = await runs.open(name);
    storage.onFull = (message) => report({ stage: 'warned', message });
    await storage.storeMemory();
    const began = performance.now();
    const clock = () => performance.now();
    /** The model is that of the last checkpoint, also where it is played meanwhile. */
    let known: Promise<unknown> = Promise.resolve();
    const makeKnown = async () => models.add(name, 'training', await runs.modelBlobs(name));
    const onEvent = progressOf((news) => {
      if (news.stage !== 'saved') report(news);
      // What cannot be read now will be when the run has ended.
      else
        known = known
          .then(makeKnown)
          .catch(() => {})
          .then(() => report(news));
    });
    try {
      const { status, step } = await trainRun(start, {
        storage,
        runtime,
        openFiles,
        clock,
        signal,
        onEvent,
        keepEpisodes: (step, { groupSize }) => storedGames(step, groupSize),
      });
      await known;
      await makeKnown();
      return {
        name,
        device: runtime.device,
        steps: step,
        finished: status === 'finished',
        seconds: (performance.now() - began) / 1000,
      };
    } finally {
      storage.onFull = () => {};
    }
  });
}

/** The events of a run as progress of the request. */
function progressOf(report: Report): (event: RunEvent) => void {
  let steps = 0;
  let groupSize = 1;
  const next = (done: number, seconds: number | undefined) =>
    report(done < steps ? { stage: 'learning', step: done + 1, steps, seconds } : { stage: 'finishing' });
  return (event) => {
    switch (event.type) {
      case 'start':
        ({ steps, groupSize } = event.settings);
        report({ stage: 'began', step: event.step });
        next(event.step, undefined);
        return;
      case 'step': {
        const { metrics } = event;
        const { seconds } = metrics;
        report({ stage: 'learned', metrics, seconds, games: storedGames(event, groupSize) });
        next(metrics.step, seconds);
        return;
      }
      case 'warm_start':
        report({ stage: 'teaching', step: event.step, steps: event.steps });
        return;
      case 'warning':
        report({ stage: 'warned', message: `Step ${event.step}: ${event.message}` });
        return;
      case 'checkpoint':
        report({ stage: 'saved', step: event.step });
        return;
      case 'evaluation':
        report({ stage: 'evaluated', step: event.step, evaluation: event.evaluation });
        return;
      default:
        return;
    }
  };
}
