// What is evaluated, as a value and as an address: a link gives everybody the same games, hence the same numbers.

import { environments, findEnvironment, resolveConfig } from '@ludic/environments';
import { HISTORY_STRATEGIES, type HistoryStrategy } from '@ludic/history';
import type { DeviceChoice, PolicyChoice } from './engine/protocol.ts';

/** Who plays, and what it sees of the game. */
export interface Contestant {
  readonly kind: PolicyChoice['kind'];
  readonly name: string;
  readonly history: HistoryStrategy;
}

export interface Setting {
  readonly environment: string;
  /** Settings that are not the game's own defaults may be all that is here. */
  readonly config: Readonly<Record<string, unknown>>;
  readonly contestants: readonly Contestant[];
  readonly episodes: number;
  readonly seed: number;
  readonly temperature: number;
  readonly maxCompletionLength: number;
  readonly device: DeviceChoice;
}

export const DEFAULT_SETTING: Setting = {
  environment: 'tic_tac_toe',
  config: {},
  contestants: [
    { kind: 'model', name: 'nano', history: 'NO_HISTORY' },
    { kind: 'scripted', name: 'expert', history: 'NO_HISTORY' },
  ],
  episodes: 200,
  seed: 0,
  temperature: 1,
  maxCompletionLength: 64,
  device: 'auto',
};

export const MOST_EPISODES = 100_000;
const MOST_CONTESTANTS = 24;
const DEVICES: readonly DeviceChoice[] = ['auto', 'cpu', 'webgpu'];

/** `model:nano`, `scripted:expert`: how a policy is called in addresses. */
export const policyText = ({ kind, name }: Pick<Contestant, 'kind' | 'name'>) => `${kind}:${name}`;

/** How the engine is asked for a contestant. */
export const policyOf = ({ kind, name }: Contestant, setting: Setting): PolicyChoice =>
  kind === 'scripted'
    ? { kind, name }
    : {
        kind,
        name,
        device: setting.device,
        temperature: setting.temperature,
        maxCompletionLength: setting.maxCompletionLength,
      };

/** Two contestants may meet where everything but themselves is the same. */
export const gamesKey = ({ environment, config, episodes, seed }: Setting): string =>
  JSON.stringify([environment, resolveConfig(findEnvironment(environment), config), episodes, seed]);

/** The part of an address behind #. */
export function writeSetting(setting: Setting): string {
  const words = new URLSearchParams({
    game: setting.environment,
    config: JSON.stringify(setting.config),
    seed: String(setting.seed),
    temperature: String(setting.temperature),
    reply: String(setting.maxCompletionLength),
    device: setting.device,
    episodes: String(setting.episodes),
  });
  for (const contestant of setting.contestants) {
    words.append('history', contestant.history);
    words.append('policy', policyText(contestant));
  }
  return `#evaluate?${words}`;
}

/**
 * Reads what writeSetting wrote; undefined where the address names no setting.
 * @throws Error in a sentence that says which part cannot be used
 */
export function readSetting(hash: string): Setting | undefined {
  const at = hash.indexOf('?');
  if (at < 0 || hash.slice(0, at) !== '#evaluate') return undefined;
  const words = new URLSearchParams(hash.slice(at + 1));
  const environment = words.get('game') ?? DEFAULT_SETTING.environment;
  if (!environments.has(environment)) throw bad('game', environment);
  const config = readConfig(words.get('config'));
  resolveConfig(findEnvironment(environment), config);
  const device = oneOf('device', words.get('device'), DEVICES) ?? DEFAULT_SETTING.device;
  return {
    environment,
    config,
    contestants: readContestants(words, environment),
    episodes: number(words, 'episodes', DEFAULT_SETTING.episodes, 1, MOST_EPISODES),
    seed: number(words, 'seed', DEFAULT_SETTING.seed, 0, Number.MAX_SAFE_INTEGER),
    temperature: number(words, 'temperature', DEFAULT_SETTING.temperature, 0, 100, false),
    maxCompletionLength: number(words, 'reply', DEFAULT_SETTING.maxCompletionLength, 1, 1e6),
    device,
  };
}

function readContestants(words: URLSearchParams, environment: string): readonly Contestant[] {
  const histories = words.getAll('history');
  const policies = words.getAll('policy');
  if (histories.length !== policies.length || policies.length > MOST_CONTESTANTS)
    throw new Error(`The link cannot be used: it names ${policies.length} policies and ${histories.length} histories.`);
  if (policies.length === 0) return DEFAULT_SETTING.contestants;
  return policies.map((text, i) => {
    const history = oneOf('history', histories[i]!, HISTORY_STRATEGIES)!;
    const [, kind, name] = /^(model|scripted):(.+)$/.exec(text) ?? [];
    if (name === undefined) throw bad('policy', text);
    if (kind === 'scripted' && !Object.hasOwn(findEnvironment(environment).experts, name)) throw bad('policy', text);
    return { kind: kind as Contestant['kind'], name, history };
  });
}

function readConfig(text: string | null): Readonly<Record<string, unknown>> {
  if (text === null) return {};
  try {
    return JSON.parse(text);
  } catch {
    throw bad('config', text);
  }
}

function oneOf<T extends string>(name: string, text: string | null, known: readonly T[]): T | undefined {
  if (text === null) return undefined;
  const found = known.find((one) => one === text);
  if (found === undefined) throw bad(name, text);
  return found;
}

function number(words: URLSearchParams, name: string, missing: number, min: number, max: number, whole = true): number {
  const text = words.get(name);
  if (text === null) return missing;
  const value = text.trim() === '' ? Number.NaN : Number(text);
  if (!(value >= min && value <= max) || (whole && !Number.isInteger(value))) throw bad(name, text);
  return value;
}

const bad = (name: string, text: string) =>
  new Error(`The link cannot be used: its ${name} is ${JSON.stringify(text.slice(0, 80))}, which is not known here.`);
