// The learning rate over a run: linear warmup, then constant, linear or cosine.

export const SCHEDULES = ['constant', 'linear', 'cosine'] as const;
/** The course of the learning rate after warmup: it stays, falls on a line, or falls as half a cosine. */
export type Schedule = (typeof SCHEDULES)[number];

/** The learning rate of AdamW over a run, counted in optimizer steps; `learningRateAt` says what it is at each. */
export interface ScheduleSettings {
  /** The highest rate. */
  readonly learningRate: number;
  readonly schedule: Schedule;
  /** Steps in which the rate rises from 0. */
  readonly warmupSteps: number;
  /** Share of the highest rate that linear and cosine end at. */
  readonly finalRate: number;
}

/** The rate of update `step` (the first is 1) of `steps`. */
export function learningRateAt(
  { learningRate, schedule, warmupSteps, finalRate }: ScheduleSettings,
  step: number,
  steps: number,
): number {
  if (step <= warmupSteps) return (learningRate * step) / (warmupSteps + 1);
  const progress = Math.min(1, (step - 1 - warmupSteps) / Math.max(1, steps - warmupSteps));
  switch (schedule) {
    case 'constant':
      return learningRate;
    case 'linear':
      return learningRate * (1 - (1 - finalRate) * progress);
    case 'cosine':
      return learningRate * (finalRate + ((1 - finalRate) * (1 + Math.cos(Math.PI * progress))) / 2);
    default:
      return schedule satisfies never;
  }
}
