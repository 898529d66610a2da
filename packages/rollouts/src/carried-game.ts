// The game that a model was trained in, which travels with it as ludic.json: what plays the model begins with that game
// and says where it differs. Other libraries ignore the file.

import { isObject } from '@ludic/io';
import { ModelError, type ModelFiles, type TemplateOptions } from '@ludic/models';
import { CARRIED_GAME_FILE, readJson } from '@ludic/models/internal';
import { type EnvironmentSpec, resolveSpec } from './environment-spec.ts';

/** Its config has all settings, the penalty for invalid replies among them. */
export interface CarriedGame extends EnvironmentSpec {
  /** Of sampling in training. */
  readonly temperature: number;
  /** Of the training's own evaluations; models of earlier versions do not say. */
  readonly evalTemperature?: number;
  /** Most tokens of a reply. */
  readonly maxCompletionLength: number;
  /** Texts that end a reply: the closing tag of the game. */
  readonly stop: readonly string[];
  /** Variables of the chat template, which opens with them wherever the model is opened. */
  readonly templateOptions?: TemplateOptions;
}

const VERSION = 1;

/** The keys of the file by our names. */
const KEYS = {
  environment: 'environment',
  config: 'environment_config',
  history: 'history',
  temperature: 'temperature',
  evalTemperature: 'eval_temperature',
  maxCompletionLength: 'max_completion_length',
  stop: 'stop',
  templateOptions: 'template_options',
} as const satisfies Record<keyof CarriedGame, string>;
const NAMES = Object.keys(KEYS) as (keyof CarriedGame)[];

/** The content of ludic.json. */
export function carriedGameText(game: CarriedGame): string {
  const entries = NAMES.filter((name) => game[name] !== undefined).map((name) => [KEYS[name], game[name]]);
  return `${JSON.stringify({ format_version: VERSION, ...Object.fromEntries(entries) }, null, 2)}\n`;
}

/**
 * The game of a model; undefined where it carries none that this version knows.
 * @throws ModelError `not_a_model` where ludic.json is damaged
 */
export async function readCarriedGame(files: Pick<ModelFiles, 'name' | 'read'>): Promise<CarriedGame | undefined> {
  const json = (await readJson(files, CARRIED_GAME_FILE)) as Readonly<Record<string, unknown>> | null | undefined;
  if (json === undefined || json?.format_version !== VERSION) return undefined;
  const told = NAMES.filter((name) => json[KEYS[name]] !== undefined);
  const game: Unchecked = Object.fromEntries(told.map((name) => [name, json[KEYS[name]]]));
  if (!isGame(game))
    throw new ModelError('not_a_model', `${CARRIED_GAME_FILE} of ${files.name} is damaged: it describes no game.`);
  return game;
}

type Unchecked = { readonly [Name in keyof CarriedGame]?: unknown };

function isGame(game: Unchecked): game is CarriedGame {
  const { environment, config, history, temperature, evalTemperature = 0, maxCompletionLength, stop } = game;
  const { templateOptions = {} } = game;
  return (
    typeof environment === 'string' &&
    isObject(config) &&
    isObject(templateOptions) &&
    typeof history === 'string' &&
    typeof temperature === 'number' &&
    typeof evalTemperature === 'number' &&
    Number.isInteger(maxCompletionLength) &&
    Array.isArray(stop) &&
    stop.every((text) => typeof text === 'string')
  );
}

/**
 * How another game differs from the one that a model was trained in, as a sentence; undefined where it does not.
 * @throws EnvironmentError for an environment that is not known, or a config that it refuses
 */
export function gameDifference(trained: EnvironmentSpec, played: EnvironmentSpec): string | undefined {
  if (trained.environment !== played.environment)
    return `The model was trained in ${trained.environment}; this is ${played.environment}.`;
  const was = { ...completeOrAsIs(trained), history: trained.history };
  const is: Readonly<Record<string, unknown>> = { ...resolveSpec(played).config, history: played.history };
  const different = Object.entries(was).filter(([name, value]) => name in is && is[name] !== value);
  if (different.length === 0) return undefined;
  const list = (values: Readonly<Record<string, unknown>>) =>
    different.map(([name]) => `${name} ${values[name]}`).join(', ');
  return `The model was trained with ${list(was)}; this is ${list(is)}.`;
}

/** Settings of an earlier version of the game are compared as they stand. */
function completeOrAsIs(game: EnvironmentSpec): Readonly<Record<string, unknown>> {
  try {
    return resolveSpec(game).config;
  } catch {
    return game.config;
  }
}
