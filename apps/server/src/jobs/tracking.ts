// Trackers that receive the metrics of a training job.

import { setTimeout as sleep } from 'node:timers/promises';
import type { StartTraining } from '@ludic/service';
import type { Clock, TrackingSettings } from '@ludic/tracking';

export const requestedTracking = ({
  wandb_project: project,
  tensorboard,
}: Pick<StartTraining, 'wandb_project' | 'tensorboard'>): TrackingSettings => ({
  ...(project !== undefined && { wandb: { project } }),
  ...(tensorboard && { tensorboard }),
});

export const clock: Clock = {
  now: () => Date.now(),
  sleep: (milliseconds, signal) => sleep(milliseconds, undefined, signal && { signal }).catch(() => {}),
  random: () => Math.random(),
};
