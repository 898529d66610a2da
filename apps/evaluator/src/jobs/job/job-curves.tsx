// What a training has learned so far, drawn step by step, and its latest numbers.

import { type Job, requestedTraining, startTraining } from '@ludic/service';
import { Figure, StepFigures } from '../../ui/figures.tsx';
import { whole } from '../../ui/numbers.ts';
import { Curve, type Series } from '../../ui/plots/curve.tsx';
import { GameCurves } from '../../ui/plots/game-curves.tsx';
import { NotesCurves } from '../../ui/plots/notes-curves.tsx';
import type { JobMetricsRow } from '../job-events.ts';

/** One plot: its title and the metrics in it. */
interface Drawing {
  readonly title: string;
  readonly lines: readonly { readonly name: string; readonly label: string; readonly color: string }[];
}

const DRAWINGS: readonly Drawing[] = [
  { title: 'Reward', lines: [{ name: 'mean_reward', label: 'reward', color: 'series-1' }] },
  {
    title: 'Success and invalid replies',
    lines: [
      { name: 'success_rate', label: 'success', color: 'series-2' },
      { name: 'invalid_rate', label: 'invalid', color: 'series-3' },
    ],
  },
  { title: 'Entropy', lines: [{ name: 'entropy', label: 'nats', color: 'series-1' }] },
  { title: 'Gradient norm', lines: [{ name: 'gradient_norm', label: 'norm', color: 'series-2' }] },
];

/** Metrics that a step does not report leave gaps in their line. */
export function JobCurves({
  job,
  steps,
  evaluations,
}: {
  readonly job: Job;
  readonly steps: readonly JobMetricsRow[];
  readonly evaluations: readonly JobMetricsRow[];
}) {
  const last = steps.at(-1);
  if (!last) return <p class="aside">The curve begins with the first update.</p>;
  const { tokens_per_second, seconds } = last;
  const places = steps.map(({ step }) => step);
  return (
    <>
      <div class="curves">
        {DRAWINGS.map(({ title, lines }) => (
          <Curve
            key={title}
            title={title}
            steps={places}
            series={lines.map(
              ({ name, label, color }): Series => ({
                label,
                color,
                values: steps.map((one) => Number(one[name] ?? Number.NaN)),
              }),
            )}
          />
        ))}
        <GameCurves rows={steps} />
        <NotesCurves evaluations={evaluations} />
      </div>
      <dl class="numbers">
        <Figure name="Update" value={last.step} />
        <StepFigures metrics={last} manner={mannerOf(job)} />
        {typeof tokens_per_second === 'number' && <Figure name="Tokens/s" value={whole(tokens_per_second)} />}
        {typeof seconds === 'number' && <Figure name="Seconds" value={seconds.toFixed(1)} />}
      </dl>
    </>
  );
}

/** What the success of an update rests on. */
function mannerOf({ request }: Job): string {
  const { data } = startTraining.safeParse(request);
  if (!data) return '';
  const { batchSize, temperature } = requestedTraining(data);
  return `${whole(batchSize)} games at temperature ${temperature}`;
}
