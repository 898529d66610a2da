// One run: its warnings, its curves, the games of any of its steps, and what it has brought.

import { useState } from 'preact/hooks';
import type { DeviceChoice } from '../engine/models/library.ts';
import type { RunSummary } from '../engine/protocol.ts';
import { Warnings } from '../ui/form.tsx';
import { gameTitle } from '../ui/game/game-title.ts';
import { BeforeAfter } from './before-after.tsx';
import { StepGames } from './step-games.tsx';
import { TrainingCurves } from './training-curves.tsx';
import { gameOf } from './training-settings.ts';
import type { ShownRun } from './use-training.ts';

/** A click on a curve shows the games of that step. */
export function RunView({
  run,
  summary,
  isWorking,
  device,
}: {
  readonly run: ShownRun;
  /** As it is saved, if it is. */
  readonly summary: RunSummary | undefined;
  readonly isWorking: boolean;
  readonly device: DeviceChoice;
}) {
  const { name, settings, metrics, evaluations, seconds, stored, warnings } = run;
  const { batchSize, lora } = settings;
  /** The step whose games are shown; by default the newest, whichever that is. */
  const [step, choose] = useState<number>();
  const newest = stored.steps.at(-1);
  const pick = (wanted: number) => {
    const nearest = stored.steps.findLast((one) => one <= wanted) ?? stored.steps[0];
    choose(nearest === newest ? undefined : nearest);
  };
  return (
    <section class="card run" aria-label={`Run ${name}`}>
      <header class="run-head">
        <h2>{name}</h2>
        <p>
          {gameTitle(gameOf(settings))}, {batchSize} games a step
          {lora && `, an adapter of rank ${lora.rank}`}
        </p>
      </header>
      <Warnings texts={warnings} most={3} />
      {metrics.length > 0 ? (
        <TrainingCurves
          metrics={metrics}
          evaluations={evaluations}
          settings={settings}
          seconds={seconds}
          {...(newest !== undefined && { marked: step ?? newest, onPick: pick })}
        />
      ) : (
        <p class="empty">{isWorking ? 'The first step is on its way.' : 'No step was saved.'}</p>
      )}
      {stored.steps.length > 0 && (
        <StepGames run={name} settings={settings} stored={stored} step={step} onStep={pick} />
      )}
      {summary && summary.step > 0 && !isWorking && (
        <BeforeAfter
          key={`${name} ${summary.step}`}
          run={name}
          game={gameOf(settings)}
          settings={settings}
          device={device}
        />
      )}
    </section>
  );
}
