// The address of a game to watch: `#watch?game=tic_tac_toe&policy=nano&seed=0&episode=3`. What it does not name is as in
// a new form.

import { environments, findEnvironment } from '@ludic/environments';
import { HISTORY_STRATEGIES } from '@ludic/history';
import type { Game, PolicyChoice } from './protocol.ts';

/** An episode of an evaluation. */
export interface WatchSetting {
  readonly game: Game;
  readonly policy: PolicyChoice;
  /** Of the evaluation. */
  readonly seed: number;
  /** Its number there, from 0. */
  readonly episode: number;
}

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

export function watchLink({ game, policy, seed, episode }: WatchSetting): string {
  const values = new URLSearchParams({ game: game.environment, history: game.history });
  for (const [name, value] of Object.entries(game.config)) values.set(`config.${name}`, String(value));
  values.set(policy.kind === 'scripted' ? 'player' : 'policy', policy.name);
  if (policy.kind === 'model') {
    values.set('device', policy.device);
    values.set('temperature', String(policy.temperature));
    values.set('length', String(policy.maxCompletionLength));
  }
  values.set('seed', String(seed));
  values.set('episode', String(episode));
  return `#watch?${values}`;
}

/** Undefined where the address names no game to watch. Whatever it says, what comes out can be played or is refused by name. */
export function readWatchLink(hash: string): WatchSetting | undefined {
  if (!hash.startsWith('#watch?')) return undefined;
  const values = new URLSearchParams(hash.slice('#watch?'.length));
  const { game, policy } = DEFAULT_WATCH;
  const id = values.get('game') ?? game.environment;
  const environment = environments.has(id) ? id : game.environment;
  const whole = (name: string, otherwise: number, least = 0) => {
    const value = Number(values.get(name) ?? otherwise);
    return Number.isSafeInteger(value) && value >= least ? value : otherwise;
  };
  const temperature = Number(values.get('temperature') ?? 1);
  const player = values.get('player');
  const own = {
    device: (['cpu', 'webgpu'] as const).find((device) => device === values.get('device')) ?? ('auto' as const),
    temperature: temperature >= 0 && Number.isFinite(temperature) ? temperature : 1,
    maxCompletionLength: whole('length', 64, 1),
  };
  return {
    game: {
      environment,
      config: configOf(values, environment),
      history: HISTORY_STRATEGIES.find((history) => history === values.get('history')) ?? game.history,
    },
    policy:
      player !== null
        ? { kind: 'scripted', name: player }
        : { ...own, kind: 'model', name: values.get('policy') ?? policy.name },
    seed: whole('seed', 0),
    episode: whole('episode', 0),
  };
}

/** The settings that the game's schema knows, each as its type; whether they are in range says the game. */
function configOf(values: URLSearchParams, environment: string): Record<string, unknown> {
  const config: Record<string, unknown> = {};
  for (const [name, schema] of Object.entries(findEnvironment(environment).configSchema.properties)) {
    const text = values.get(`config.${name}`);
    if (text === null) continue;
    config[name] = schema.type === 'string' ? text : schema.type === 'boolean' ? text === 'true' : Number(text);
  }
  return config;
}
