// What a run has brought: the model that it began with and what it has come to, on the same games.

import { type EnvironmentSpec, type Interval, pairedDifference } from '@ludic/rollouts';
import { useState } from 'preact/hooks';
import { useAppContext } from '../app-context.tsx';
import type { DeviceChoice } from '../engine/models/library.ts';
import type { Answers, RunContents } from '../engine/protocol.ts';
import { EvaluationTable } from '../evaluate/results-table.tsx';
import { NumberField } from '../ui/fields.tsx';
import { Alert, Form } from '../ui/form.tsx';
import { signed } from '../ui/numbers.ts';
import { useAttempt } from '../ui/use-answer.ts';
import { useWork, WorkBar } from '../ui/work.tsx';

/** Other games than those of the run's own evaluation. */
const SEED_AWAY = 1;

/** The evaluation of one of the two models. */
interface ComparisonRow extends Pick<Answers['evaluate'], 'evaluation' | 'games'> {
  readonly title: string;
  readonly temperature: number;
}

/** Both models play games that the training did not use, by default as its own evaluations sample. */
export function BeforeAfter({
  run,
  game,
  settings,
  device,
}: {
  readonly run: string;
  readonly game: EnvironmentSpec;
  readonly settings: RunContents['settings'];
  readonly device: DeviceChoice;
}) {
  const { engine } = useAppContext();
  const { work, run: ask, stop } = useWork();
  const [episodes, setEpisodes] = useState(200);
  const [temperature, setTemperature] = useState(settings.evalTemperature);
  const [rows, setRows] = useState<readonly ComparisonRow[]>([]);
  const { error, attempt } = useAttempt();
  const { maxCompletionLength } = settings;
  const seed = settings.seed + SEED_AWAY;

  const compare = async () => {
    setRows([]);
    const { before, after, summary } = await engine.ask({ type: 'run', run });
    const found: ComparisonRow[] = [];
    for (const name of [before, after]) {
      const policy = { kind: 'model', name, device, temperature, maxCompletionLength } as const;
      const answer = await ask({ type: 'evaluate', game, policy, episodes, seed });
      if (!answer) return;
      found.push({
        ...answer,
        temperature,
        title: name === before ? `Before: ${summary.model}` : `After ${summary.step} steps`,
      });
      setRows([...found]);
    }
  };

  return (
    <Form class="before-after" aria-label="Before and after" onSubmit={() => void attempt(compare)}>
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
      <Alert text={error} />
      <div aria-live="polite">{rows.length > 0 && <Comparison rows={rows} seed={seed} />}</div>
    </Form>
  );
}

/** The numbers of both, and whether the difference is more than chance. */
function Comparison({ rows, seed }: { readonly rows: readonly ComparisonRow[]; readonly seed: number }) {
  const [before, after] = rows;
  const paired = before && after && pairedDifference(after.games, before.games, seed);
  return (
    <>
      <EvaluationTable
        label="Before and after, in numbers"
        caption={`${before?.games.length} games with seed ${seed} at temperature ${before?.temperature}`}
        first="Policy"
        rows={rows.map(({ title, evaluation }) => ({ key: title, title, results: evaluation }))}
      />
      {paired && (
        <p class="verdict">
          Game by game the success changed by {points(paired.success_rate, paired.success_ci95)} points and the reward
          by {rewards(paired.mean_reward, paired.mean_reward_ci95)}: {verdict(paired.success_ci95)}
        </p>
      )}
    </>
  );
}

const points = (mean: number, [low, high]: Interval) =>
  `${signed(100 * mean, 1)} (${signed(100 * low, 1)} to ${signed(100 * high, 1)}) percentage`;
const rewards = (mean: number, [low, high]: Interval) => `${signed(mean, 3)} (${signed(low, 3)} to ${signed(high, 3)})`;
const verdict = ([low, high]: Interval): string => {
  if (low > 0) return 'the training has helped.';
  return high < 0 ? 'the training has harmed.' : 'these games cannot tell whether the training has helped.';
};
