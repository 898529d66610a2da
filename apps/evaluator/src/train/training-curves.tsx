// A run in curves, beside each other, and its last step in numbers.

import type { StepMetrics, TrainSettings } from '@ludic/grpo';
import { ROUNDING } from '@ludic/grpo/internal';
import type { Evaluation } from '@ludic/rollouts';
import type { StepEvaluation } from '../engine/protocol.ts';
import { Figure, StepFigures } from '../ui/figures.tsx';
import { duration, percent, whole } from '../ui/numbers.ts';
import { Curve, type CurveProps } from '../ui/plots/curve.tsx';
import { GameCurves } from '../ui/plots/game-curves.tsx';
import { NotesCurves } from '../ui/plots/notes-curves.tsx';

/** Nothing is drawn at 0 where the scale is logarithmic. */
const LEAST_RATIO = 1e-8;

/** The curves of a run that grows: `metrics` and `evaluations` are those so far. */
export function TrainingCurves({
  metrics,
  evaluations,
  settings,
  seconds,
  marked,
  onPick,
}: {
  readonly metrics: readonly StepMetrics[];
  readonly evaluations: readonly StepEvaluation[];
  readonly settings: TrainSettings;
  /** That the steps took. */
  readonly seconds: number;
  /** The step whose games are shown. */
  readonly marked?: number;
  readonly onPick?: (step: number) => void;
}) {
  const common = { steps: metrics.map(({ step }) => step), marked, onPick };
  const evaluated = evaluations.at(-1);
  const last = metrics.at(-1)!;
  const bound = ROUNDING[settings.precision];
  const line = (label: string, color: string, value: (step: StepMetrics) => number) => ({
    label,
    color,
    values: metrics.map(value),
  });
  const evaluationLine = (label: string, color: string, value: (evaluation: Evaluation) => number) => ({
    label,
    color,
    values: evaluations.map(({ evaluation }) => value(evaluation)),
  });
  const wins = last.win_rate !== undefined;
  // Curves with steps of their own do not choose the step whose games are shown.
  const drawings: readonly (Pick<CurveProps, 'title' | 'series'> & Partial<CurveProps>)[] = [
    { title: 'Reward', series: [line('mean reward of a game', 'series-1', ({ mean_reward }) => mean_reward)] },
    {
      title: wins ? 'Success, wins and invalid replies' : 'Success and invalid replies',
      range: [0, 1],
      series: [
        line('success', 'series-1', ({ success_rate }) => success_rate),
        ...(wins ? [line('wins', 'series-2', ({ win_rate = 0 }) => win_rate)] : []),
        line('invalid', 'series-3', ({ invalid_rate }) => invalid_rate),
      ],
    },
    ...(evaluations.length > 1
      ? [
          {
            title: 'Evaluations',
            steps: evaluations.map(({ step }) => step),
            marked: undefined,
            onPick: undefined,
            range: [0, 1] as const,
            series: [
              evaluationLine(
                `success in ${manner(evaluations[0]!.evaluation.total_episodes, settings.evalTemperature)}`,
                'series-1',
                ({ success_rate }) => success_rate,
              ),
              evaluationLine('invalid', 'series-3', ({ invalid_rate }) => invalid_rate),
            ],
          },
        ]
      : []),
    { title: 'Entropy', series: [line('nats per token', 'series-2', ({ entropy }) => entropy)] },
    { title: 'Gradient norm', series: [line('before clipping', 'series-1', ({ gradient_norm }) => gradient_norm)] },
    last.mean_kl === undefined
      ? { title: 'Learning rate', series: [line('of AdamW', 'series-1', ({ learning_rate }) => learning_rate)] }
      : { title: 'KL from the initial model', series: [line('mean KL', 'series-1', ({ mean_kl = 0 }) => mean_kl)] },
    {
      title: 'Sampler–trainer mismatch',
      logarithmic: true,
      series: [
        line('largest |log ratio|', 'series-2', ({ max_log_ratio }) => Math.max(LEAST_RATIO, max_log_ratio)),
        { ...line('bound of rounding errors', 'series-3', () => bound), dashed: true },
      ],
    },
  ];
  return (
    <>
      <dl class="numbers">
        <Figure name="Step" value={`${last.step} of ${settings.steps}`} />
        <StepFigures metrics={{ ...last }} manner={manner(settings.batchSize, settings.temperature)} />
        {evaluated && (
          <Figure
            name={`Evaluation after step ${evaluated.step}`}
            value={percent(evaluated.evaluation.success_rate)}
            of={manner(evaluated.evaluation.total_episodes, settings.evalTemperature)}
          />
        )}
        <Figure name="A step takes" value={duration(seconds / Math.max(1, metrics.length))} />
      </dl>
      <div class="curves small">
        {drawings.map((drawing) => (
          <Curve key={drawing.title} {...common} {...drawing} />
        ))}
        <GameCurves rows={metrics.map((step) => ({ ...step }))} marked={marked} onPick={onPick} />
        <NotesCurves evaluations={evaluations.map(({ step, evaluation }) => ({ ...evaluation, step }))} />
      </div>
    </>
  );
}

const manner = (games: number, temperature: number) => `${whole(games)} games at temperature ${temperature}`;
