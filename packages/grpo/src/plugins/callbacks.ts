// What a user does around the steps of a run: look, measure, end it. Callbacks see a step and change nothing of it, so the
// weights do not depend on them, but for how many steps there are.

import { GrpoError } from '../errors.ts';
import type { TrainSettings } from '../settings/train-settings.ts';
import { type CallbackMetrics, type LoggedStepMetrics, OF_CALLBACKS } from '../trainer/step-metrics.ts';
import type { StepReport } from '../trainer/trainer.ts';

/** A step that is about to be taken. */
export interface ComingStep {
  /** Its number; the first is 1. */
  readonly step: number;
  readonly settings: TrainSettings;
  /** The steps before it as metrics.jsonl has them, own metrics among them, oldest first; also in a run that was resumed. */
  readonly log: readonly LoggedStepMetrics[];
}

/** A step that was taken: its games, its advantages, its numbers. */
export interface TakenStep extends ComingStep, Omit<StepReport, 'metrics'> {
  readonly metrics: LoggedStepMetrics;
}

/** What a callback says of a step. */
export interface StepVerdict {
  /** Numbers of the step by names such as `reply_length`; they go wherever its others go, as `own_reply_length`. */
  readonly metrics?: Readonly<Record<string, number>>;
  /** Ends the run after this step, as if it were the last: evaluated, saved, its best model in final/. The text says why. */
  readonly stop?: string;
}

/**
 * Called around every step, and awaited. What it remembers by itself is lost where a run is resumed: what it needs of earlier
 * steps is in `log`.
 */
export interface RunCallback {
  readonly beforeStep?: (coming: ComingStep) => unknown;
  // biome-ignore lint/suspicious/noConfusingVoidType: a callback that only looks returns nothing.
  readonly afterStep?: (taken: TakenStep) => StepVerdict | undefined | void | Promise<StepVerdict | undefined | void>;
}

/** By names, which a run remembers. They are called in this order. */
export type RunCallbacks = Readonly<Record<string, RunCallback>>;

/** What all callbacks say of a step. */
interface Verdict {
  readonly metrics: CallbackMetrics;
  readonly stop: string | undefined;
}

/** @throws GrpoError `bad_plugin`, with the callback's name */
export async function callBefore(callbacks: RunCallbacks, coming: ComingStep): Promise<void> {
  for (const [name, { beforeStep }] of Object.entries(callbacks))
    await called(name, coming, () => beforeStep?.(coming));
}

/** @throws GrpoError `bad_plugin`, with the callback's name */
export async function callAfter(callbacks: RunCallbacks, taken: TakenStep): Promise<Verdict> {
  let metrics: CallbackMetrics = {};
  const reasons: string[] = [];
  for (const [name, { afterStep }] of Object.entries(callbacks)) {
    const said = (await called(name, taken, () => afterStep?.(taken))) ?? {};
    const given = Object.entries(said.metrics ?? {});
    for (const [key, value] of given) checkMetric(name, key, value, metrics);
    metrics = { ...metrics, ...Object.fromEntries(given.map(([key, value]) => [OF_CALLBACKS + key, value])) };
    if (said.stop !== undefined) reasons.push(`${said.stop} (${name})`);
  }
  return { metrics, stop: reasons.length > 0 ? reasons.join('; ') : undefined };
}

async function called<T>(name: string, { step }: ComingStep, call: () => T | Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new GrpoError('bad_plugin', `The callback ${name} failed at step ${step}: ${why}`, { cause: error });
  }
}

function checkMetric(name: string, key: string, value: unknown, others: object): void {
  const bad = (what: string) => new GrpoError('bad_plugin', `The callback ${name} gives the metric ${key}: ${what}`);
  if (!/^[a-z][a-z0-9_]*$/.test(key)) throw bad('its name must be lower-case letters, digits and underscores.');
  if (OF_CALLBACKS + key in others) throw bad('another callback gives one of that name; choose another.');
  if (!Number.isFinite(value)) throw bad(`it is ${value}; it must be a finite number.`);
}
