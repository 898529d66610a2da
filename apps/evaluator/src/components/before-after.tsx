// What a run has brought: the model that it began with and what it has come to, on the same games.

import { findEnvironment } from '@ludic/environments';
import { useState } from 'preact/hooks';
import type { DeviceChoice, Game, RunContents } from '../engine/protocol.ts';
import { useWorkplace } from '../workplace.tsx';
import { NumberField } from './fields.tsx';
import { type Result, ResultsTable } from './results-table.tsx';
import { useWork, WorkBar } from './work.tsx';

/** Games that no training plays: those of an evaluation with another seed. */
const SEED_AWAY = 1;

export function BeforeAfter({
  run,
  game,
  settings,
  device,
}: {
  readonly run: string;
  readonly game: Game;
  readonly settings: RunContents['settings'];
  readonly device: DeviceChoice;
}) {
  const { engine } = useWorkplace();
  const { work, run: ask, stop } = useWork();
  const [episodes, setEpisodes] = useState(200);
  const [temperature, setTemperature] = useState(settings.evalTemperature);
  const [results, setResults] = useState<readonly Result[]>([]);
  const seed = settings.seed + SEED_AWAY;

  const compare = async () => {
    setResults([]);
    const models = await engine.ask({ type: 'run', run });
    const { maxCompletionLength } = settings;
    const rows: Result[] = [];
    for (const name of [models.before, models.after]) {
      if (name === undefined) continue;
      const answer = await ask({
        type: 'evaluate',
        game,
        policy: { kind: 'model', name, device, temperature, maxCompletionLength },
        episodes,
        seed,
      });
      if (!answer) return;
      const policy = name === models.before ? `before (${models.summary.model})` : `after ${models.summary.step} steps`;
      rows.push({
        id: rows.length,
        policy,
        game: findEnvironment(game.environment).title,
        history: game.history,
        seed,
        ...answer,
      });
      setResults([...rows]);
    }
  };

  return (
    <form
      class="before-after"
      aria-label="Before and after"
      onSubmit={(event) => {
        event.preventDefault();
        void compare();
      }}
    >
      <h3>Before and after, on the same games</h3>
      <div class="fields">
        <NumberField label="Games" value={episodes} min={1} max={100_000} onChange={setEpisodes} />
        <NumberField
          label="Temperature"
          hint="0 takes the most likely token."
          value={temperature}
          min={0}
          step="any"
          onChange={setTemperature}
        />
      </div>
      <WorkBar work={work} start="Compare" stop={stop} />
      <div aria-live="polite">{results.length > 0 && <ResultsTable results={results} />}</div>
    </form>
  );
}
