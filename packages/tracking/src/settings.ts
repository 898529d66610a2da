// The trackers of a run. They are stored beside its config.json, because they decide no weight.

import { TrackingError } from './errors.ts';

/** The place of a run at Weights & Biases. */
export interface WandbSettings {
  readonly project: string;
  /** A user or a team (default: the owner of the key). */
  readonly entity?: string;
}

/** The trackers of a run; without any it is not tracked. */
export interface TrackingSettings {
  readonly wandb?: WandbSettings;
  /** Write event files that TensorBoard reads. */
  readonly tensorboard?: boolean;
}

/** Whether a run has any tracker. */
export const isTracked = ({ wandb, tensorboard }: TrackingSettings): boolean =>
  wandb !== undefined || tensorboard === true;

/** Characters with a meaning in a URL. */
const FORBIDDEN = /[\\/#?%:\p{Cc}]/u;
const LONGEST_NAME = 128;

/** @throws TrackingError `bad_setting` */
export function checkTrackingSettings({ wandb }: TrackingSettings): void {
  if (!wandb) return;
  checkName('project', wandb.project);
  if (wandb.entity !== undefined) checkName('entity', wandb.entity);
}

function checkName(what: string, name: string): void {
  if (name.trim() === '' || name.length > LONGEST_NAME || FORBIDDEN.test(name) || name === '.' || name === '..') {
    throw new TrackingError(
      'bad_setting',
      `${JSON.stringify(name.slice(0, LONGEST_NAME))} is no name of a W&B ${what}: it must have 1 to ${LONGEST_NAME} characters and none of / \\ # ? % :`,
    );
  }
}

/**
 * The trackers of a resumed run: the stored ones and the given ones.
 * @throws TrackingError `bad_setting` where they contradict each other: a run has one place at W&B
 */
export function mergeTrackingSettings(stored: TrackingSettings, given: TrackingSettings): TrackingSettings {
  const { wandb: before } = stored;
  const { wandb: now } = given;
  if (before && now) {
    const entityDiffers = now.entity !== undefined && now.entity !== before.entity;
    if (now.project !== before.project || entityDiffers) {
      const name = ({ project, entity }: WandbSettings) => (entity === undefined ? project : `${entity}/${project}`);
      throw new TrackingError(
        'bad_setting',
        `This run is tracked in the W&B project ${name(before)}, and cannot go on in ${name(now)}. Leave the name out, or start a new run in another folder.`,
      );
    }
  }
  const wandb = before ?? now;
  return { ...(wandb && { wandb }), ...((stored.tensorboard || given.tensorboard) && { tensorboard: true }) };
}
