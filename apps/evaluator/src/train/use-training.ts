// The trainings of this browser as a view works with them: the list of runs, the one that is trained now, the one that is
// looked at, and what can be done with each.

import type { StepMetrics, TrainSettings } from '@ludic/grpo';
import { useCallback, useEffect, useState } from 'preact/hooks';
import { useAppContext } from '../app-context.tsx';
import type { DeviceChoice } from '../engine/models/library.ts';
import type { Progress, RequestOf, RunSummary, StepEvaluation } from '../engine/protocol.ts';
import type { StoredGames } from '../engine/runs/stored-games.ts';
import { duration } from '../ui/numbers.ts';
import { saveFile } from '../ui/save-file.ts';
import { useWork } from '../ui/work.tsx';

/** A run that the page looks at. */
export interface ShownRun {
  readonly name: string;
  readonly settings: TrainSettings;
  readonly metrics: readonly StepMetrics[];
  readonly evaluations: readonly StepEvaluation[];
  /** That its steps took. */
  readonly seconds: number;
  /** Of the newest step, and which others have any. */
  readonly stored: StoredGames;
  readonly warnings: readonly string[];
}

const NOTHING_YET = {
  metrics: [],
  evaluations: [],
  seconds: 0,
  stored: { steps: [], games: [] },
  warnings: [],
} satisfies Partial<ShownRun>;

/** One training at a time, and the list of all that this browser holds. Errors are sentences in `error`. */
export function useTraining() {
  const { engine, models, refreshModels } = useAppContext();
  const { work, run, stop } = useWork();
  const [runs, setRuns] = useState<readonly RunSummary[]>([]);
  /** The run that was trained last, and another that was opened from the list. */
  const [live, setLive] = useState<ShownRun>();
  const [opened, setOpened] = useState<ShownRun>();
  const [working, setWorking] = useState<string>();
  const [done, setDone] = useState('');
  const [error, setError] = useState('');

  const refresh = useCallback(async () => {
    const found = await engine.ask({ type: 'runs' });
    setRuns(found);
    // The list has made their models known.
    void refreshModels();
    return found;
  }, [engine, refreshModels]);
  const read = useCallback(
    async (name: string): Promise<ShownRun> => {
      const { settings, metrics, evaluations, seconds } = await engine.ask({ type: 'run', run: name });
      const last = metrics.at(-1)?.step ?? 0;
      const { steps, games } = await engine.ask({ type: 'games', run: name, step: last });
      const stored = { steps: steps.filter((step) => step <= last), games };
      return { name, settings, metrics, evaluations, seconds, stored, warnings: [] };
    },
    [engine],
  );
  /** Whatever goes wrong is a sentence. */
  const attempt = (what: () => Promise<unknown>) => {
    setError('');
    return what().catch((error: unknown) => {
      setError((error as Error).message);
      // Another tab may have changed what there is.
      refresh().catch(() => {});
    });
  };
  useEffect(() => {
    void attempt(async () => {
      const [latest] = await refresh();
      if (latest) setOpened(await read(latest.name));
    });
  }, [refresh, read]);

  const onProgress = (progress: Progress) => {
    setLive((before) => before && { ...before, ...changeOf(before, progress) });
    // What cannot be listed now will be when the training ends.
    if (progress.stage === 'saved') refresh().catch(() => {});
  };
  const train = async (name: string, request: RequestOf<'train'> | RequestOf<'continue'>) => {
    setDone('');
    setWorking(name);
    const answer = await run(request, onProgress);
    setWorking(undefined);
    let found = runs;
    await attempt(async () => {
      found = await refresh();
    });
    if (!answer) {
      // Settings that cannot be used make no run.
      setLive((live) => (live && live.metrics.length > 0 ? live : undefined));
      return;
    }
    const { steps, seconds, finished } = answer;
    const isStored = found.some((one) => one.name === name && one.stored);
    setDone(
      finished
        ? `${steps} steps in ${duration(seconds)}. The model is saved as ${name}.`
        : `Paused after step ${steps}. What was learned is ${isStored ? 'saved' : 'in this page until it is closed'}, and ${name} can be chosen as a policy.`,
    );
  };

  const start = async (model: string, device: DeviceChoice, settings: TrainSettings) => {
    setError('');
    const { batchSize, groupSize } = settings;
    if (batchSize % groupSize !== 0) {
      setError(`${batchSize} games a step do not make groups of ${groupSize}: take a multiple of ${groupSize}.`);
      return;
    }
    // Other tabs have runs of their own.
    const found = await refresh().catch(() => runs);
    const name = nameFor(model, [...models, ...found.map((one) => one.name)]);
    setLive({ ...NOTHING_YET, name, settings });
    setOpened(undefined);
    return train(name, { type: 'train', model, device, settings, saveAs: name });
  };
  const goOn = (name: string, device: DeviceChoice) =>
    attempt(async () => {
      setLive(await read(name));
      setOpened(undefined);
      await train(name, { type: 'continue', run: name, device });
    });
  const show = (name: string) => attempt(async () => setOpened(name === live?.name ? undefined : await read(name)));
  const download = (name: string, part: 'model' | 'run') =>
    attempt(async () => {
      const { blob, fileName } = await engine.ask({ type: 'download', run: name, part });
      saveFile(blob, fileName);
    });
  const remove = (name: string) =>
    attempt(async () => {
      await engine.ask({ type: 'delete', run: name });
      if (live?.name === name) setLive(undefined);
      if (opened?.name === name) setOpened(undefined);
      await refresh();
    });

  const shown = opened ?? live;
  const summaryOf = (run: ShownRun | undefined) => runs.find(({ name }) => name === run?.name);
  return {
    work,
    stop,
    runs,
    shown,
    summary: summaryOf(shown),
    /** By name: the one that is trained now. */
    working,
    /** The one whose training broke off. */
    broken: work.state === 'failed' ? summaryOf(live) : undefined,
    done,
    error,
    start,
    goOn,
    show,
    download,
    remove,
  };
}

/** The trainings of the page, and what can be done with them. */
export type Training = ReturnType<typeof useTraining>;

/** What news of a run change in what is shown of it. */
function changeOf({ metrics, evaluations, seconds, stored, warnings }: ShownRun, news: Progress): Partial<ShownRun> {
  switch (news.stage) {
    case 'began': {
      const isBefore = ({ step }: { readonly step: number }) => step <= news.step;
      return { metrics: metrics.filter(isBefore), evaluations: evaluations.filter(isBefore) };
    }
    case 'learned': {
      const { step } = news.metrics;
      return {
        metrics: [...metrics, news.metrics],
        seconds: seconds + news.seconds,
        stored: { steps: [...stored.steps.filter((one) => one < step), step], games: news.games },
      };
    }
    case 'evaluated': {
      const { step, evaluation } = news;
      return { evaluations: [...evaluations.filter((one) => one.step < step), { step, evaluation }] };
    }
    case 'warned':
      return { warnings: [...warnings, news.message] };
    default:
      return {};
  }
}

/** `nano trained`, `nano trained 2`: a name that is free. */
function nameFor(model: string, taken: readonly string[]): string {
  const base = `${model.replace(/ trained( \d+)?$/, '')} trained`;
  for (let i = 1; ; i++) {
    const name = i === 1 ? base : `${base} ${i}`;
    if (!taken.includes(name)) return name;
  }
}
