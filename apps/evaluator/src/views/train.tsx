// GRPO on a model in a game, in the page: runs that live in this browser, with their curves as they grow.

import { findEnvironment } from '@ludic/environments';
import type { StepMetrics, TrainSettings } from '@ludic/grpo';
import type { ComponentType } from 'preact';
import { useCallback, useEffect, useState } from 'preact/hooks';
import { BeforeAfter } from '../components/before-after.tsx';
import { saveFile } from '../components/download.ts';
import { NumberField, SelectField } from '../components/fields.tsx';
import { GameFields } from '../components/game-fields.tsx';
import { GroupTable } from '../components/group-table.tsx';
import { DeviceField } from '../components/model-fields.tsx';
import { PickFolder } from '../components/pick-folder.tsx';
import { RunList } from '../components/run-list.tsx';
import { TrainingCurves } from '../components/training-curves.tsx';
import { useWork, WorkBar } from '../components/work.tsx';
import type { PlayedGroup } from '../engine/played-groups.ts';
import type { DeviceChoice, Game, Progress, RequestOf, RunSummary } from '../engine/protocol.ts';
import { duration } from '../numbers.ts';
import { presetFor } from '../presets.ts';
import '../styles/train.css';
import { useWorkplace } from '../workplace.tsx';

/** The run that the page looks at. */
interface Shown {
  readonly name: string;
  readonly settings: TrainSettings;
  readonly metrics: readonly StepMetrics[];
  readonly seconds: number;
  readonly groups: readonly PlayedGroup[];
  readonly warnings: readonly string[];
}

const gameOf = ({ environment, environmentConfig: config, history }: TrainSettings): Game => ({
  environment,
  config,
  history,
});

export function TrainView() {
  const { engine, models, addModel } = useWorkplace();
  const { work, run, stop } = useWork();
  const [settings, setSettings] = useState(() => presetFor('tic_tac_toe'));
  const [model, setModel] = useState('nano');
  const [device, setDevice] = useState<DeviceChoice>('auto');
  const [runs, setRuns] = useState<readonly RunSummary[]>([]);
  /** The run that was trained last, and another that somebody looks at. */
  const [live, setLive] = useState<Shown>();
  const [looked, setLooked] = useState<Shown>();
  const shown = looked ?? live;
  const [working, setWorking] = useState<string>();
  const [done, setDone] = useState('');
  const [trouble, setTrouble] = useState('');

  const refresh = useCallback(async () => {
    const found = await engine.ask({ type: 'runs' });
    setRuns(found);
    // Oldest first, as they came.
    for (const { name } of found.toReversed()) addModel(name);
    return found;
  }, [engine, addModel]);
  const read = useCallback(
    async (name: string): Promise<Shown> => {
      const { settings, metrics, seconds } = await engine.ask({ type: 'run', run: name });
      return { name, settings, metrics, seconds, groups: [], warnings: [] };
    },
    [engine],
  );
  /** Whatever goes wrong is a sentence. */
  const attempt = (what: () => Promise<unknown>) =>
    what().catch((error: unknown) => setTrouble((error as Error).message));
  useEffect(() => {
    void attempt(async () => {
      const [latest] = await refresh();
      if (latest) setLooked(await read(latest.name));
    });
  }, [refresh, read]);

  const hear = (progress: Progress) => {
    switch (progress.stage) {
      case 'began':
        change(({ metrics }) => ({ metrics: metrics.filter(({ step }) => step <= progress.step) }));
        return;
      case 'learned': {
        const { metrics, groups, seconds } = progress;
        change((before) => ({
          metrics: [...before.metrics, metrics],
          seconds: before.seconds + seconds,
          groups,
        }));
        return;
      }
      case 'warned':
        change(({ warnings }) => ({ warnings: [...warnings, progress.message] }));
        return;
      case 'saved':
        void attempt(refresh);
        return;
      default:
        return;
    }
  };
  const change = (what: (before: Shown) => Partial<Shown>) => setLive((live) => live && { ...live, ...what(live) });

  const conduct = async (name: string, request: RequestOf<'train'> | RequestOf<'continue'>) => {
    setDone('');
    setTrouble('');
    setWorking(name);
    const answer = await run(request, hear);
    setWorking(undefined);
    await attempt(refresh);
    if (!answer) {
      // Settings that cannot be used make no run.
      setLive((live) => (live && live.metrics.length > 0 ? live : undefined));
      return;
    }
    const { steps, seconds, finished } = answer;
    setDone(
      finished
        ? `${steps} steps in ${duration(seconds)}. The model is ${name} now, among the policies.`
        : `Paused after step ${steps}. What was learned is saved, and ${name} is among the policies.`,
    );
  };
  const start = () => {
    const name = nameFor(model, [...models, ...runs.map((one) => one.name)]);
    setLive({ name, settings, metrics: [], seconds: 0, groups: [], warnings: [] });
    setLooked(undefined);
    return conduct(name, { type: 'train', model, device, settings, saveAs: name });
  };
  const goOn = (name: string) =>
    attempt(async () => {
      setLive(await read(name));
      setLooked(undefined);
      await conduct(name, { type: 'continue', run: name, device });
    });

  const set = (change: Partial<TrainSettings>) => setSettings((before) => ({ ...before, ...change }));
  const changeGame = ({ environment, config, history }: Game) =>
    environment === settings.environment
      ? set({ environmentConfig: config, history })
      : setSettings({ ...presetFor(environment), history });
  const number = (name: 'steps' | 'batchSize' | 'groupSize' | 'learningRate' | 'maxCompletionLength' | 'seed') => ({
    value: settings[name],
    onChange: (value: number) => set({ [name]: value }),
  });
  const summaryOf = (run: Shown | undefined) => runs.find(({ name }) => name === run?.name);
  const summary = summaryOf(shown);
  const stopped = work.state === 'failed' ? summaryOf(live) : undefined;

  return (
    <>
      <form
        class="card"
        aria-label="What to train"
        onSubmit={(event) => {
          event.preventDefault();
          void start();
        }}
      >
        <div class="fields">
          <SelectField
            label="Model"
            value={model}
            choices={models.map((name) => ({ value: name, text: name }))}
            onChange={setModel}
          />
          <PickFolder onPick={setModel} />
          <GameFields game={gameOf(settings)} onChange={changeGame} />
          <DeviceField device={device} onChange={setDevice} />
          <NumberField label="Steps" min={1} max={100_000} {...number('steps')} />
          <NumberField
            label="Games a step"
            hint="A multiple of the group: more take longer and teach more."
            min={2}
            {...number('batchSize')}
          />
          <NumberField label="Group" hint="Games that begin alike." min={2} {...number('groupSize')} />
          <NumberField label="Learning rate" min={0} step="any" {...number('learningRate')} />
          <NumberField
            label="KL weight"
            hint="Holds the policy near its first model, less and less."
            min={0}
            step="any"
            value={settings.loss.beta}
            onChange={(beta) => setSettings((before) => ({ ...before, loss: { ...before.loss, beta } }))}
          />
          <NumberField label="Longest reply" hint="In tokens." min={1} {...number('maxCompletionLength')} />
          <NumberField label="Seed" min={0} max={Number.MAX_SAFE_INTEGER} {...number('seed')} />
          <Advanced settings={settings} onChange={setSettings} />
        </div>
        <WorkBar work={work} start="Train" stopText="Pause" stop={stop} />
        {stopped && !stopped.finished && (
          <p>
            {stopped.name} is saved up to step {stopped.step}: it can be continued, on any device.
          </p>
        )}
        {done !== '' && <p role="status">{done}</p>}
        {trouble !== '' && (
          <p class="trouble" role="alert">
            {trouble}
          </p>
        )}
      </form>
      {runs.length > 0 && (
        <div class="card">
          <RunList
            runs={runs}
            shown={shown?.name}
            working={working}
            onShow={(name) =>
              attempt(async () => {
                setTrouble('');
                setLooked(name === live?.name ? undefined : await read(name));
              })
            }
            onContinue={goOn}
            onDownload={(name, part) =>
              attempt(async () => {
                const { blob, fileName } = await engine.ask({ type: 'download', run: name, part });
                saveFile(blob, fileName);
              })
            }
            onDelete={(name) =>
              attempt(async () => {
                await engine.ask({ type: 'delete', run: name });
                if (live?.name === name) setLive(undefined);
                if (looked?.name === name) setLooked(undefined);
                await refresh();
              })
            }
          />
        </div>
      )}
      {shown && (
        <section class="card run" aria-label={`Run ${shown.name}`}>
          <header class="run-head">
            <h2>{shown.name}</h2>
            <p>
              {findEnvironment(shown.settings.environment).title}, {shown.settings.batchSize} games a step
            </p>
          </header>
          {shown.warnings.length > 0 && (
            <ul class="warnings" role="status" aria-label="Warnings">
              {[...new Set(shown.warnings)].slice(-3).map((text) => (
                <li key={text}>{text}</li>
              ))}
            </ul>
          )}
          {shown.metrics.length > 0 ? (
            <TrainingCurves metrics={shown.metrics} settings={shown.settings} seconds={shown.seconds} />
          ) : (
            <p class="empty">{working === shown.name ? 'The first step is on its way.' : 'No step was saved.'}</p>
          )}
          {shown.groups.length > 0 && <GroupTable step={shown.metrics.at(-1)?.step ?? 0} groups={shown.groups} />}
          {summary && summary.step > 0 && working !== shown.name && (
            <BeforeAfter
              key={`${shown.name} ${summary.step}`}
              run={shown.name}
              game={gameOf(shown.settings)}
              settings={shown.settings}
              device={device}
            />
          )}
        </section>
      )}
      {!shown && runs.length === 0 && (
        <p class="empty">
          A run plays groups of games, and learns from what went better than the rest of its group. Its curves grow
          here; it is kept in this browser, and nothing leaves the page.
        </p>
      )}
    </>
  );
}

interface AdvancedProps {
  readonly settings: TrainSettings;
  readonly onChange: (change: (before: TrainSettings) => TrainSettings) => void;
}

/** Loaded when it is opened. */
function Advanced(props: AdvancedProps) {
  const [Fields, setFields] = useState<{ readonly component: ComponentType<AdvancedProps> }>();
  return (
    <details
      onToggle={({ currentTarget }) => {
        if (currentTarget.open && !Fields)
          void import('../components/advanced-settings.tsx').then((module) => setFields({ component: module.default }));
      }}
    >
      <summary>All settings of training</summary>
      {Fields && <Fields.component {...props} />}
    </details>
  );
}

/** `nano trained`, `nano trained 2`: a name that is free. */
function nameFor(model: string, taken: readonly string[]): string {
  const base = `${model.replace(/ trained( \d+)?$/, '')} trained`;
  for (let i = 1; ; i++) {
    const name = i === 1 ? base : `${base} ${i}`;
    if (!taken.includes(name)) return name;
  }
}
