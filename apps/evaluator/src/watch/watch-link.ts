// The address of a game to watch: `#watch?game=tic_tac_toe&policy=model:nano&seed=0&episode=3`. What it does not name is
// as in a new form.

import { HISTORY_STRATEGIES } from '@ludic/history';
import type { EnvironmentSpec } from '@ludic/rollouts';
import type { ModelPolicy, PolicyChoice } from '../engine/protocol.ts';
import {
  gameIn,
  numberIn,
  oneOf,
  policyIn,
  policyText,
  samplingIn,
  samplingWords,
  wordsOf,
} from '../ui/link-values.ts';

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
    ...(policy.kind === 'model' && samplingWords(policy)),
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
  const wanted = gameIn(words, game.environment);
  const history = oneOf('history', words.get('history'), HISTORY_STRATEGIES) ?? game.history;
  return {
    game: { ...wanted, history },
    policy: readPolicy(words, wanted.environment) ?? policy,
    seed: numberIn(words, 'seed', 0, 0, Number.MAX_SAFE_INTEGER),
    episode: numberIn(words, 'episode', 0, 0, MOST_EPISODES - 1),
  };
}

/** @throws Error in a sentence that says which part cannot be used */
function readPolicy(words: URLSearchParams, environment: string): PolicyChoice | undefined {
  const text = words.get('policy');
  if (text === null) return undefined;
  const { kind, name } = policyIn(text, environment);
  return kind === 'scripted' ? { kind, name } : { kind, name, ...samplingIn(words, DEFAULT_POLICY) };
}
