// What a run has brought: the model that it began with and what it has come to, on the same games.

import { type Interval, pairedDifference } from '@ludic/rollouts';
import { useState } from 'preact/hooks';
import { useAppContext } from '../app-context.tsx';
import type { DeviceChoice } from '../engine/models/library.ts';
import type { Answers, Game, RunContents } from '../engine/protocol.ts';
import { NumberField } from '../ui/fields.tsx';
import { Scroll } from '../ui/figures.tsx';
import { Alert, Form } from '../ui/form.tsx';
import { percent, signed } from '../ui/numbers.ts';
import { useWork, WorkBar } from '../ui/work.tsx';

/** Other games than those of the run's own evaluation. */
const SEED_AWAY = 1;

interface Row extends Pick<Answers['evaluate'], 'evaluation' | 'games'> {
  readonly title: string;
  readonly temperature: number;
}

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
  const { engine } = useAppContext();
  const { work, run: ask, stop } = useWork();
  const [episodes, setEpisodes] = useState(200);
  const [temperature, setTemperature] = useState(settings.evalTemperature);
  const [rows, setRows] = useState<readonly Row[]>([]);
  const [trouble, setTrouble] = useState('');
  const seed = settings.seed + SEED_AWAY;

  const compare = async () => {
    setRows([]);
    const { before, after, summary } = await engine.ask({ type: 'run', run });
    const found: Row[] = [];
    for (const name of [before, after]) {
      const policy = { kind: 'model', name, device, temperature, ...pickLength(settings) } as const;
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
    <Form
      class="before-after"
      aria-label="Before and after"
      onSubmit={() => {
        setTrouble('');
        compare().catch((error: Error) => setTrouble(error.message));
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
      <Alert text={trouble} />
      <div aria-live="polite">{rows.length > 0 && <Comparison rows={rows} seed={seed} />}</div>
    </Form>
  );
}

const pickLength = ({ maxCompletionLength }: RunContents['settings']) => ({ maxCompletionLength });

function Comparison({ rows, seed }: { readonly rows: readonly Row[]; readonly seed: number }) {
  const [before, after] = rows;
  const paired = before && after && pairedDifference(after.games, before.games, seed);
  return (
    <>
      <Scroll label="Before and after, in numbers">
        <table>
          <caption>
            {before?.games.length} games with seed {seed} at temperature {before?.temperature}, with 95 % intervals
          </caption>
          <thead>
            <tr>
              <th scope="col">Policy</th>
              <th scope="col">Success</th>
              <th scope="col">Mean reward</th>
              <th scope="col">Steps</th>
              <th scope="col">Invalid</th>
            </tr>
          </thead>
          <tbody>
            {rows.map(({ title, evaluation }) => (
              <tr key={title}>
                <th scope="row">{title}</th>
                <td class="number">
                  {percent(evaluation.success_rate)}
                  <small>
                    {percent(evaluation.success_ci95[0])} to {percent(evaluation.success_ci95[1])}
                  </small>
                </td>
                <td class="number">
                  {evaluation.mean_reward.toFixed(3)}
                  <small>
                    {evaluation.mean_reward_ci95[0].toFixed(3)} to {evaluation.mean_reward_ci95[1].toFixed(3)}
                  </small>
                </td>
                <td class="number">{evaluation.mean_steps.toFixed(2)}</td>
                <td class="number">{percent(evaluation.invalid_rate)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
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
