// The address of a game to watch: `#watch?game=tic_tac_toe&policy=model:nano&seed=0&episode=3`. What it does not name is
// as in a new form.

import { environments } from '@ludic/environments';
import { HISTORY_STRATEGIES } from '@ludic/history';
import type { EnvironmentSpec } from '@ludic/rollouts';
import type { PolicyChoice } from '../engine/protocol.ts';
import { configIn, deviceIn, numberIn, oneOf, policyIn, policyText, wordsOf } from '../ui/link-values.ts';

/** An episode of an evaluation. */
export interface WatchSpec {
  readonly game: EnvironmentSpec;
  readonly policy: PolicyChoice;
  /** Of the evaluation. */
  readonly seed: number;
  /** Its number there, from 0. */
  readonly episode: number;
}

/** Games of an evaluation that may be watched. */
export const MOST_EPISODES = 1_000_000;

type ModelPolicy = Extract<PolicyChoice, { readonly kind: 'model' }>;

/** The policy of a new form in Watch and Play. */
export const DEFAULT_POLICY: ModelPolicy = {
  kind: 'model',
  name: 'nano',
  device: 'auto',
  temperature: 1,
  maxCompletionLength: 64,
};

/** What the form of Watch holds when the page is opened. */
export const DEFAULT_WATCH: WatchSpec = {
  game: { environment: 'tic_tac_toe', config: {}, history: 'NO_HISTORY' },
  policy: DEFAULT_POLICY,
  seed: 0,
  episode: 0,
};

/** The part of an address behind #, readable by `readWatchLink`. */
export function watchLink({ game, policy, seed, episode }: WatchSpec): string {
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
    policy: policyText(policy),
    episode: String(episode),
  });
  return `#watch?${values}`;
}

/**
 * Undefined where the address is not of a game to watch.
 * @throws Error in a sentence that says which part cannot be used
 */
export function readWatchLink(hash: string): WatchSpec | undefined {
  const words = wordsOf(hash, 'watch');
  if (!words) return undefined;
  const { game, policy } = DEFAULT_WATCH;
  const environment = oneOf('game', words.get('game'), [...environments.keys()]) ?? game.environment;
  const history = oneOf('history', words.get('history'), HISTORY_STRATEGIES) ?? game.history;
  return {
    game: { environment, config: configIn(words, environment), history },
    policy: readPolicy(words, environment) ?? policy,
    seed: numberIn(words, 'seed', 0, 0, Number.MAX_SAFE_INTEGER),
    episode: numberIn(words, 'episode', 0, 0, MOST_EPISODES - 1),
  };
}

/** @throws Error in a sentence that says which part cannot be used */
function readPolicy(words: URLSearchParams, environment: string): PolicyChoice | undefined {
  const text = words.get('policy');
  if (text === null) return undefined;
  const { kind, name } = policyIn(text, environment);
  if (kind === 'scripted') return { kind, name };
  return {
    kind,
    name,
    device: deviceIn(words),
    temperature: numberIn(words, 'temperature', DEFAULT_POLICY.temperature, 0, 100, false),
    maxCompletionLength: numberIn(words, 'reply', DEFAULT_POLICY.maxCompletionLength, 1, 1e6),
  };
}
