// The folder tracking/ of a run: its trackers, and how many rows W&B has.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseObject } from '@ludic/io';
import { writeFileAtomic } from '@ludic/io/node';
import { TrackingError } from '../errors.ts';
import { checkTrackingSettings, type TrackingSettings } from '../settings.ts';

/** How a run ended, as W&B's exit code. */
export const EXIT_CODES = { finished: 0, failed: 1, interrupted: 130 } as const;
/** How a run ended. */
export type RunEnd = keyof typeof EXIT_CODES;

/** What tracking/wandb.json holds. */
export interface WandbState {
  readonly formatVersion: 1;
  /** The run's id at W&B. */
  readonly run: string;
  /** Seconds since 1970. */
  readonly startedAt: number;
  /** Rows of metrics.jsonl that have arrived, counted from the first. */
  readonly rows: number;
  /** Lines of W&B's history before the next row; `rows` where absent. More than `rows` where others wrote lines as well. */
  readonly lines?: number;
  /** Rows of a request without an answer: they may have arrived. */
  readonly sending?: number;
  /** Absent while the run trains, and after a kill. */
  readonly ended?: RunEnd;
}

/** @throws TrackingError `bad_folder`, `bad_setting` */
export async function readTrackingSettings(run: string): Promise<TrackingSettings> {
  const stored = (await readJson(join(run, 'tracking', 'settings.json'))) as TrackingSettings | undefined;
  if (stored === undefined) return {};
  const { wandb, tensorboard } = stored;
  const names = [wandb?.project, wandb?.entity ?? ''];
  if (wandb !== undefined && !names.every((name) => typeof name === 'string')) throw damaged(run, 'settings.json');
  checkTrackingSettings(stored);
  return { ...(wandb && { wandb }), ...(tensorboard === true && { tensorboard }) };
}

export const writeTrackingSettings = (run: string, settings: TrackingSettings): Promise<void> =>
  writeJson(join(run, 'tracking', 'settings.json'), settings);

/** @throws TrackingError `bad_folder` */
export async function readWandbState(run: string): Promise<WandbState | undefined> {
  const state = (await readJson(join(run, 'tracking', 'wandb.json'))) as WandbState | undefined;
  if (state === undefined) return undefined;
  const { formatVersion, run: name, startedAt, rows, lines = rows, sending = 0, ended } = state;
  const sound =
    formatVersion === 1 &&
    typeof name === 'string' &&
    /^[\w-]{1,64}$/.test(name) &&
    Number.isFinite(startedAt) &&
    [rows, lines, sending].every((count) => Number.isSafeInteger(count) && count >= 0) &&
    (ended === undefined || Object.hasOwn(EXIT_CODES, ended));
  if (!sound) throw damaged(run, 'wandb.json');
  return state;
}

export const writeWandbState = (run: string, state: WandbState): Promise<void> =>
  writeJson(join(run, 'tracking', 'wandb.json'), state);

async function readJson(path: string): Promise<unknown> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new TrackingError('bad_folder', `${path} cannot be read: ${(error as Error).message}`, { cause: error });
  }
  const value = parseObject(text);
  if (value) return value;
  throw new TrackingError('bad_folder', `${path} is damaged. Remove it, and the run is tracked anew.`);
}

const damaged = (run: string, name: string) =>
  new TrackingError('bad_folder', `${join(run, 'tracking', name)} is damaged. Remove it, and the run is tracked anew.`);

const writeJson = (path: string, value: object): Promise<void> => writeFileAtomic(path, `${JSON.stringify(value)}\n`);
