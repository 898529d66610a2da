// The options of tracking, and the clock that trackers need.

import { setTimeout as sleep } from 'node:timers/promises';
import { type Clock, isTracked, mergeTrackingSettings, type TrackingSettings } from '@ludic/tracking';
import { RunTracker, readTrackingSettings } from '@ludic/tracking/node';
import { Option } from 'commander';
import { UsageError } from '../failure.ts';

export interface TrackingOptions {
  readonly wandbProject?: string;
  readonly wandbEntity?: string;
  readonly tensorboard?: boolean;
}

export const trackingOptions = (): readonly Option[] => [
  new Option('--wandb-project <name>', 'Project of Weights & Biases to send the run to; needs WANDB_API_KEY'),
  new Option(
    '--wandb-entity <name>',
    'User or team at Weights & Biases (default: WANDB_ENTITY, or the owner of the key)',
  ),
  new Option('--tensorboard', 'Write event files for TensorBoard'),
];

/** Options of tracking, by name: a resumed run may be given them. */
export const TRACKING_NAMES: readonly string[] = trackingOptions().map((option) => option.attributeName());

/** The options, over those that the folder of a resumed run holds. */
export async function trackingSettings(
  { wandbProject, wandbEntity, tensorboard }: TrackingOptions,
  resumed: string | undefined,
): Promise<TrackingSettings> {
  const stored = resumed === undefined ? {} : await readTrackingSettings(resumed);
  const project = wandbProject ?? (wandbEntity === undefined ? undefined : stored.wandb?.project);
  if (project === undefined && wandbEntity !== undefined) throw new UsageError('--wandb-entity needs --wandb-project.');
  return mergeTrackingSettings(stored, {
    ...(project !== undefined && { wandb: { project, ...(wandbEntity !== undefined && { entity: wandbEntity }) } }),
    ...(tensorboard && { tensorboard }),
  });
}

export const clock: Clock = {
  now: () => Date.now(),
  sleep: (milliseconds, signal) => sleep(milliseconds, undefined, signal && { signal }).catch(() => {}),
  random: () => Math.random(),
};

export function trackerOf(
  run: string,
  settings: TrackingSettings,
  say: (line: string) => void,
): RunTracker | undefined {
  return isTracked(settings) ? new RunTracker({ run, settings, environment: process.env, clock, say }) : undefined;
}
