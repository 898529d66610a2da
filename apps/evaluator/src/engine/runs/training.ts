// GRPO in the page: a run like any other, in the browser's storage. What was trained is files, apart from the device, so
// that it can be played on any. The worker loads this file when something is trained: a page that plays does without it.

import { conductRun, type RunEvent, type RunStart } from '@ludic/grpo';
import type { ModelFiles } from '@ludic/models';
import type { DeviceChoice } from '../models/library.ts';
import type { ModelRegistry, Report } from '../models/registry.ts';
import type { Answers, RequestOf } from '../protocol.ts';
import type { Runs } from './runs.ts';
import { storedGames } from './stored-games.ts';

/** Ends early where it is cancelled, with what was learned until then. */
export async function answerTrain(
  { model, device, settings, saveAs }: RequestOf<'train'>,
  models: ModelRegistry,
  runs: Runs,
  report: Report,
  signal: AbortSignal,
): Promise<Answers['train']> {
  if (models.isTransformersModel(model))
    throw new Error(`${model} is run by transformers.js, which cannot train: choose nano or a model with safetensors.`);
  const openFiles = async () => models.files(model, report, signal);
  return conduct(saveAs, { kind: 'new', model, settings }, device, openFiles, models, runs, report, signal);
}

/** Goes on after the last checkpoint of a run. */
export function answerContinue(
  { run, device }: RequestOf<'continue'>,
  models: ModelRegistry,
  runs: Runs,
  report: Report,
  signal: AbortSignal,
): Promise<Answers['continue']> {
  const none = async () => {
    throw new Error('A run that goes on has its model.');
  };
  return conduct(run, { kind: 'resume' }, device, none, models, runs, report, signal);
}

function conduct(
  name: string,
  start: RunStart,
  device: DeviceChoice,
  openFiles: (model: string) => Promise<ModelFiles>,
  models: ModelRegistry,
  runs: Runs,
  report: Report,
  signal: AbortSignal,
): Promise<Answers['train']> {
  return runs.hold(name, async () => {
    const runtime = await models.runtime(device, report);
    if (start.kind === 'new' && !(await runs.clear(name)))
      throw new Error(`There is a run ${name} by now, from another tab: train again, and this one gets another name.`);
    const storage = await runs.open(name);
    storage.onFull = (message) => report({ stage: 'warned', message });
    await storage.settle();
    const began = performance.now();
    const clock = () => performance.now();
    /** The model is that of the last checkpoint, also for whoever plays it meanwhile. */
    let known: Promise<unknown> = Promise.resolve();
    const makeKnown = async () => models.add(name, 'training', await runs.modelBlobs(name));
    const onEvent = telling((news) => {
      if (news.stage !== 'saved') report(news);
      // What cannot be read now will be when the run has ended.
      else
        known = known
          .then(makeKnown)
          .catch(() => {})
          .then(() => report(news));
    });
    try {
      const { status, step } = await conductRun(start, {
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

/** What a run tells, in the words of the page. */
function telling(report: Report): (event: RunEvent) => void {
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
