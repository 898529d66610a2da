// A run in curves, beside each other, and its last step in numbers.

import { ROUNDING, type StepMetrics, type TrainSettings } from '@ludic/grpo';
import type { StepEvaluation } from '../engine/protocol.ts';
import { Figure } from '../ui/figures.tsx';
import { duration, percent, whole } from '../ui/numbers.ts';
import { Curve } from '../ui/plots/curve.tsx';

/** Nothing is drawn at 0 where the scale is logarithmic. */
const LEAST_RATIO = 1e-8;

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
  const pick = (value: (step: StepMetrics) => number) => metrics.map(value);
  const wins = last.win_rate !== undefined;
  return (
    <>
      <dl class="numbers">
        <Figure name="Step" value={`${last.step} of ${settings.steps}`} />
        <Figure name="Reward" value={last.mean_reward.toFixed(3)} />
        <Figure
          name="Success"
          value={percent(last.success_rate)}
          of={manner(settings.batchSize, settings.temperature)}
        />
        <Figure name="Invalid" value={percent(last.invalid_rate)} />
        <Figure name="Entropy" value={last.entropy.toFixed(3)} />
        <Figure name="Gradient norm" value={last.gradient_norm.toFixed(2)} />
        <Figure name="Largest |log ratio|" value={last.max_log_ratio.toExponential(1)} />
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
        <Curve
          title="Reward"
          {...common}
          series={[
            { label: 'mean reward of a game', color: 'series-1', values: pick(({ mean_reward }) => mean_reward) },
          ]}
        />
        <Curve
          title={wins ? 'Success, wins and invalid replies' : 'Success and invalid replies'}
          {...common}
          range={[0, 1]}
          series={[
            { label: 'success', color: 'series-1', values: pick(({ success_rate }) => success_rate) },
            ...(wins ? [{ label: 'wins', color: 'series-2', values: pick(({ win_rate = 0 }) => win_rate) }] : []),
            { label: 'invalid', color: 'series-3', values: pick(({ invalid_rate }) => invalid_rate) },
          ]}
        />
        {evaluations.length > 1 && (
          <Curve
            title="Evaluations"
            steps={evaluations.map(({ step }) => step)}
            range={[0, 1]}
            series={[
              {
                label: `success in ${manner(evaluations[0]!.evaluation.total_episodes, settings.evalTemperature)}`,
                color: 'series-1',
                values: evaluations.map(({ evaluation }) => evaluation.success_rate),
              },
              {
                label: 'invalid',
                color: 'series-3',
                values: evaluations.map(({ evaluation }) => evaluation.invalid_rate),
              },
            ]}
          />
        )}
        <Curve
          title="Entropy"
          {...common}
          series={[{ label: 'nats a token', color: 'series-2', values: pick(({ entropy }) => entropy) }]}
        />
        <Curve
          title="Gradient norm"
          {...common}
          series={[{ label: 'before clipping', color: 'series-1', values: pick(({ gradient_norm }) => gradient_norm) }]}
        />
        {last.mean_kl === undefined ? (
          <Curve
            title="Learning rate"
            {...common}
            series={[{ label: 'of AdamW', color: 'series-1', values: pick(({ learning_rate }) => learning_rate) }]}
          />
        ) : (
          <Curve
            title="KL from the initial model"
            {...common}
            series={[{ label: 'mean KL', color: 'series-1', values: pick(({ mean_kl = 0 }) => mean_kl) }]}
          />
        )}
        <Curve
          title="Sampler–trainer mismatch"
          {...common}
          logarithmic
          series={[
            {
              label: 'largest |log ratio|',
              color: 'series-2',
              values: pick(({ max_log_ratio }) => Math.max(LEAST_RATIO, max_log_ratio)),
            },
            { label: 'most that rounding may do', color: 'series-3', values: pick(() => bound), dashed: true },
          ]}
        />
      </div>
    </>
  );
}

const manner = (games: number, temperature: number) => `${whole(games)} games at temperature ${temperature}`;
