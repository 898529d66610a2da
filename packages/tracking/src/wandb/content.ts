// What W&B gets of a run: its settings, a line of history for each step, the latest value of every number.

import { settingsToJson, snakeCase } from '@ludic/grpo/internal';
import type { RunConfig } from '@ludic/grpo/node';
import type { Row } from '../rows.ts';
import type { Scalars } from '../scalars.ts';

/** Each setting as `{ value }`. */
export type WandbConfig = Readonly<Record<string, { readonly value: unknown }>>;

/** W&B's own clients refuse to resume a run whose config has no telemetry, `t`: feature numbers of their client. */
const INTERNAL = { t: { '3': [] } };

/** Settings by their names in snake_case. What the user wrote for the environment stays as it is. */
export function wandbConfig({ model, settings }: RunConfig): WandbConfig {
  const entries = Object.entries({ model, ...settingsToJson(settings) }).map(
    ([key, value]): [string, { value: unknown }] => [
      snakeCase(key),
      { value: key === 'environmentConfig' ? value : renamed(value) },
    ],
  );
  return { ...Object.fromEntries(entries), _wandb: { value: INTERNAL } };
}

/** Our settings in the config that W&B holds: what others added there stays. */
export const mergedConfig = (theirs: WandbConfig, ours: WandbConfig): WandbConfig => ({
  ...theirs,
  ...ours,
  _wandb: { value: { ...INTERNAL, ...(theirs._wandb?.value as object | undefined) } },
});

function renamed(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [snakeCase(key), renamed(inner)]));
}

/** @param startedAt seconds since 1970 */
function placeOf({ step, runtime }: Row, startedAt: number) {
  return { _step: step, _runtime: runtime, _timestamp: startedAt + runtime };
}

export const historyLine = (row: Row, startedAt: number): string =>
  JSON.stringify({ ...row.values, ...placeOf(row, startedAt) });

/** @param latest of every number, up to this row */
export const summaryLine = (latest: Scalars, row: Row, startedAt: number): string =>
  JSON.stringify({ ...latest, ...placeOf(row, startedAt), _wandb: { runtime: Math.round(row.runtime) } });

const ALPHABET = '0123456789abcdefghijklmnopqrstuvwxyz';

/** Eight letters and digits, as W&B names its runs. */
export const newRunName = (random: () => number): string =>
  Array.from({ length: 8 }, () => ALPHABET[Math.floor(random() * ALPHABET.length)]).join('');
