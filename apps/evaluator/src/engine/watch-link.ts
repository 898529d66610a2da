// The address of a game to watch: `#watch?game=tic_tac_toe&policy=model:nano&seed=0&episode=3`. What it does not name is
// as in a new form.

import { environments, findEnvironment, resolveConfig } from '@ludic/environments';
import { HISTORY_STRATEGIES } from '@ludic/history';
import type { DeviceChoice, Game, PolicyChoice } from './protocol.ts';

/** An episode of an evaluation. */
export interface WatchSetting {
  readonly game: Game;
  readonly policy: PolicyChoice;
  /** Of the evaluation. */
  readonly seed: number;
  /** Its number there, from 0. */
  readonly episode: number;
}

/** Games of an evaluation that may be watched. */
export const MOST_EPISODES = 1_000_000;

type ModelPolicy = Extract<PolicyChoice, { readonly kind: 'model' }>;

export const DEFAULT_POLICY: ModelPolicy = {
  kind: 'model',
  name: 'nano',
  device: 'auto',
  temperature: 1,
  maxCompletionLength: 64,
};

export const DEFAULT_WATCH: WatchSetting = {
  game: { environment: 'tic_tac_toe', config: {}, history: 'NO_HISTORY' },
  policy: DEFAULT_POLICY,
  seed: 0,
  episode: 0,
};

const DEVICES: readonly DeviceChoice[] = ['auto', 'cpu', 'webgpu'];

export function watchLink({ game, policy, seed, episode }: WatchSetting): string {
  const values = new URLSearchParams({
    game: game.environment,
    config: JSON.stringify(game.config),
    seed: String(seed),
    ...(policy.kind === 'model' && {
      temperature: String(policy.temperature),
      reply: String(policy.maxCompletionLength),
      device: policy.device,
    }),
    history: game.history,
    policy: `${policy.kind}:${policy.name}`,
    episode: String(episode),
  });
  return `#watch?${values}`;
}

/**
 * Undefined where the address is not of a game to watch.
 * @throws Error in a sentence that says which part cannot be used
 */
export function readWatchLink(hash: string): WatchSetting | undefined {
  if (!hash.startsWith('#watch?')) return undefined;
  const values = new URLSearchParams(hash.slice('#watch?'.length));
  const { game, policy } = DEFAULT_WATCH;
  const environment = oneOf(values, 'game', [...environments.keys()]) ?? game.environment;
  const history = oneOf(values, 'history', HISTORY_STRATEGIES) ?? game.history;
  return {
    game: { environment, config: readConfig(values.get('config'), environment), history },
    policy: readPolicy(values, environment) ?? policy,
    seed: number(values, 'seed', 0, 0, Number.MAX_SAFE_INTEGER),
    episode: number(values, 'episode', 0, 0, MOST_EPISODES - 1),
  };
}

function readPolicy(values: URLSearchParams, environment: string): PolicyChoice | undefined {
  const text = values.get('policy');
  if (text === null) return undefined;
  const [, kind, name] = /^(model|scripted):(.+)$/.exec(text) ?? [];
  if (name === undefined) throw bad('policy', text);
  if (kind === 'scripted') {
    if (!Object.hasOwn(findEnvironment(environment).experts, name)) throw bad('policy', text);
    return { kind, name };
  }
  return {
    kind: 'model',
    name,
    device: oneOf(values, 'device', DEVICES) ?? 'auto',
    temperature: number(values, 'temperature', 1, 0, 100, false),
    maxCompletionLength: number(values, 'reply', DEFAULT_POLICY.maxCompletionLength, 1, 1e6),
  };
}

function readConfig(text: string | null, environment: string): Game['config'] {
  if (text === null) return {};
  try {
    const config = JSON.parse(text) as Game['config'];
    resolveConfig(findEnvironment(environment), config);
    return config;
  } catch (error) {
    throw error instanceof SyntaxError ? bad('config', text) : error;
  }
}

function oneOf<T extends string>(values: URLSearchParams, name: string, known: readonly T[]): T | undefined {
  const text = values.get(name);
  if (text === null) return undefined;
  const found = known.find((one) => one === text);
  if (found === undefined) throw bad(name, text);
  return found;
}

function number(values: URLSearchParams, name: string, otherwise: number, min: number, max: number, whole = true) {
  const text = values.get(name);
  if (text === null) return otherwise;
  const value = text.trim() === '' ? Number.NaN : Number(text);
  if (!(value >= min && value <= max) || (whole && !Number.isInteger(value))) throw bad(name, text);
  return value;
}

const bad = (name: string, text: string) =>
  new Error(`The link cannot be used: its ${name} is ${JSON.stringify(text.slice(0, 80))}, which is not known here.`);
