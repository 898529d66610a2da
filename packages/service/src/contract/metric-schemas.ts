// The library's tables of metrics as schemas of the contract.

import { LOGGED_STEP_METRICS, type LoggedStepMetrics, type SampledRate } from '@ludic/grpo';
import { SAMPLED_METRICS } from '@ludic/grpo/internal';
import { EVALUATION_METRICS, type Evaluation, type Metric } from '@ludic/rollouts';
import { z } from 'zod';

const interval = z.tuple([z.number(), z.number()]);

/** Metrics that are younger than the contract: a server of an earlier version does not tell them. */
const YOUNGER = ['context_full_rate', 'invalid_episode_ci95'] as const;
type Younger = (typeof YOUNGER)[number];

/** Results of an evaluation, by metric key. */
export type EvaluationResults = Omit<Evaluation, Younger> & Partial<Pick<Evaluation, Younger>>;

function schemaOf({ unit, type, meaning }: Metric): z.ZodType {
  const number = unit === 'share' ? z.number().min(0).max(1) : unit === 'games' ? z.int() : z.number();
  return { interval, text: z.string(), number }[type ?? 'number'].describe(meaning);
}

const shapeOf = (
  table: Readonly<Record<string, Metric>>,
  isOptional: (key: string, metric: Metric) => boolean,
): Record<string, z.ZodType> =>
  Object.fromEntries(
    Object.entries(table).map(([key, metric]) => {
      const schema = schemaOf(metric);
      return [key, isOptional(key, metric) ? schema.optional() : schema];
    }),
  );

/** Measures of notes, of the kinds of facts that the game says, are beside what is named. */
export const evaluationResults = z
  .looseObject(shapeOf(EVALUATION_METRICS, (key, { optional }) => optional ?? YOUNGER.some((each) => each === key)))
  .meta({ id: 'EvaluationResults' }) as unknown as z.ZodType<EvaluationResults>;

/** A run may be older than a metric, or younger than a client. */
export type StepNumbers = Partial<LoggedStepMetrics> & { readonly step: number };
export const stepNumbers = z
  .looseObject(shapeOf(LOGGED_STEP_METRICS, (key) => key !== 'step'))
  .meta({ id: 'StepMetrics' }) as unknown as z.ZodType<StepNumbers>;

/** Metrics of one evaluation during a training. */
export type EvaluationNumbers = Partial<Evaluation & SampledRate> & {
  readonly step: number;
  readonly temperature?: number;
  readonly best?: boolean;
  readonly seconds?: number;
};
export const evaluationNumbers = z
  .looseObject({
    step: z.int().describe('Step after which it was evaluated'),
    ...shapeOf(EVALUATION_METRICS, () => true),
    temperature: z.number().optional().describe('Sampling temperature of the evaluation'),
    ...shapeOf(SAMPLED_METRICS, () => true),
    best: z.boolean().optional().describe('Whether it was the best so far'),
    seconds: z.number().optional().describe('Duration in seconds'),
  })
  .meta({ id: 'EvaluationMetrics' }) as unknown as z.ZodType<EvaluationNumbers>;
