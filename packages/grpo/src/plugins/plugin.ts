// What a user brings of their own: histories, advantages, losses and callbacks, by names. Settings name the first three as
// they name Ludic's; a run remembers what it had, and is not resumed without.

import { HISTORY_STRATEGIES, type HistoryFunction, historyNames, registerHistory } from '@ludic/history';
import { isObject } from '@ludic/io';
import {
  ADVANTAGE_ESTIMATORS,
  type AdvantageFunction,
  estimatorNames,
  registerAdvantages,
} from '../advantages/estimator-names.ts';
import { GrpoError } from '../errors.ts';
import { AVERAGINGS, LOSS_TYPES, type LossRow, lossNames, registerLoss, SURROGATES } from '../loss/loss-types.ts';
import type { TrainSettings } from '../settings/train-settings.ts';
import type { RunCallback, RunCallbacks } from './callbacks.ts';

/** Parts of a training in place of Ludic's own, or beside them. */
export interface Plugin {
  /** For `history`. */
  readonly histories?: Readonly<Record<string, HistoryFunction>>;
  /** For `credit` (`advantageEstimator`). */
  readonly advantages?: Readonly<Record<string, AdvantageFunction>>;
  /** For `loss_type`. */
  readonly losses?: Readonly<Record<string, LossRow>>;
  /** For `callbacks` of a run. */
  readonly callbacks?: RunCallbacks;
}

/** The file that a plugin is in, as it was when it was loaded. */
export interface PluginOrigin {
  readonly file: string;
  /** Of its text, without what it imports. */
  readonly sha256: string;
}

export type PluggedKind = 'history' | 'advantages' | 'loss' | 'callback';

/** One thing that was plugged into a run. */
export interface PluggedIn extends Partial<PluginOrigin> {
  readonly kind: PluggedKind;
  readonly name: string;
}

const origins = new Map<string, PluginOrigin>();

const isFunction = (value: unknown) => typeof value === 'function';

/** What a plugin may have: whether a value can be used, and what it must be. */
const PARTS = {
  histories: { kind: 'history', isRight: isFunction, what: 'a function' },
  advantages: { kind: 'advantages', isRight: isFunction, what: 'a function' },
  losses: {
    kind: 'loss',
    isRight: isLoss,
    what: `an object with a surrogate (a function, or one of ${SURROGATES.join(', ')}) and an averaging (one of ${AVERAGINGS.join(', ')})`,
  },
  callbacks: { kind: 'callback', isRight: isCallback, what: 'an object with beforeStep, afterStep or both' },
} as const satisfies Record<
  keyof Plugin,
  { readonly kind: PluggedKind; readonly isRight: (value: unknown) => boolean; readonly what: string }
>;

function isLoss(value: unknown): boolean {
  const { surrogate, averaging } = (value ?? {}) as Partial<LossRow>;
  const isKnown = isFunction(surrogate) || (SURROGATES as readonly unknown[]).includes(surrogate);
  return isKnown && (AVERAGINGS as readonly unknown[]).includes(averaging);
}

function isCallback(value: unknown): boolean {
  const { beforeStep, afterStep } = (value ?? {}) as Partial<RunCallback>;
  const given = [beforeStep, afterStep].filter((each) => each !== undefined);
  return given.length > 0 && given.every(isFunction);
}

/**
 * Adds what a plugin has under its names, from then on and for this process: all of it, or nothing. Callbacks are given to a
 * run by themselves (`TrainRunOptions.callbacks`).
 * @param origin where it came from, which runs remember
 * @throws GrpoError `bad_plugin` for what is no plugin, or has names that are taken or ill-formed
 */
export function registerPlugin(plugin: Plugin, origin?: PluginOrigin): void {
  const bad = (why: string) => new GrpoError('bad_plugin', `The plugin${origin ? ` ${origin.file}` : ''} ${why}`);
  const isWhole: boolean = isObject(plugin) && Object.keys(plugin).length > 0;
  if (!isWhole) throw bad(`must be an object that has one of ${Object.keys(PARTS).join(', ')}.`);
  const { histories = {}, advantages = {}, losses = {}, callbacks = {}, ...others } = plugin;
  const [unknown] = Object.keys(others);
  if (unknown !== undefined) throw bad(`has ${unknown}, which is none of ${Object.keys(PARTS).join(', ')}.`);
  const given = { histories, advantages, losses, callbacks };
  const parts = Object.keys(PARTS) as (keyof Plugin)[];
  const taken = {
    history: historyNames(),
    advantages: estimatorNames(),
    loss: lossNames(),
    callback: [...origins.keys()].flatMap((key) => (key.startsWith('callback ') ? key.slice('callback '.length) : [])),
  };
  for (const part of parts) {
    const { kind, isRight, what } = PARTS[part];
    for (const [name, value] of Object.entries(given[part] as object)) {
      if (!/^[A-Za-z]\w{0,63}$/.test(name))
        throw bad(`has the ${kind} ${JSON.stringify(name)}; a name must be letters, digits and underscores.`);
      if (taken[kind].includes(name)) throw bad(`has the ${kind} ${name}, a name that is taken; choose another.`);
      if (!isRight(value)) throw bad(`has the ${kind} ${name}, which cannot be used; it must be ${what}.`);
    }
  }
  for (const [name, build] of Object.entries(histories)) registerHistory(name, build);
  for (const [name, estimate] of Object.entries(advantages)) registerAdvantages(name, estimate);
  for (const [name, row] of Object.entries(losses)) registerLoss(name, row);
  if (!origin) return;
  for (const part of parts)
    for (const name of Object.keys(given[part])) origins.set(`${PARTS[part].kind} ${name}`, origin);
}

/** What of a run is the user's own, with where it came from. */
export function pluggedIn(settings: TrainSettings, callbacks: RunCallbacks): readonly PluggedIn[] {
  const { history, advantageEstimator, loss } = settings;
  const ofSettings = [
    ['history', history, HISTORY_STRATEGIES],
    ['advantages', advantageEstimator, ADVANTAGE_ESTIMATORS],
    ['loss', loss.lossType, LOSS_TYPES],
  ] as const satisfies readonly (readonly [PluggedKind, string, readonly string[]])[];
  const own = ofSettings.flatMap(([kind, name, builtIn]): Pick<PluggedIn, 'kind' | 'name'>[] =>
    (builtIn as readonly string[]).includes(name) ? [] : [{ kind, name }],
  );
  const called = Object.keys(callbacks).map((name) => ({ kind: 'callback', name }) as const);
  return [...own, ...called].map(({ kind, name }) => ({ kind, name, ...origins.get(`${kind} ${name}`) }));
}

/**
 * Whether what a run had is there again.
 * @returns what is different now, as sentences
 * @throws GrpoError `bad_plugin` where something is missing, naming its file
 */
export function checkPluggedIn(had: readonly PluggedIn[], callbacks: RunCallbacks): readonly string[] {
  const present = {
    history: historyNames(),
    advantages: estimatorNames(),
    loss: lossNames(),
    callback: Object.keys(callbacks),
  };
  const missing = had.filter(({ kind, name }) => !present[kind].includes(name));
  if (missing.length > 0) {
    const files = [...new Set(missing.flatMap(({ file }) => file ?? []))];
    const what = missing.map(({ kind, name }) => `the ${kind} ${name}`).join(', ');
    const how =
      files.length > 0
        ? `name what holds it, ${files.map((file) => `--plugin ${file}`).join(' ')}`
        : 'register the plugin that has it, and give the run its callbacks';
    throw new GrpoError('bad_plugin', `The run began with ${what}: ${how}.`);
  }
  const changed = had.filter(
    ({ kind, name, sha256 }) => sha256 !== undefined && origins.get(`${kind} ${name}`)?.sha256 !== sha256,
  );
  return changed.map(({ kind, name }) => `The file of the ${kind} ${name} is not what it was when the run began.`);
}
