// What is evaluated, as a value and as an address: the same link gives the same games, hence the same numbers.

import { findEnvironment, resolveConfig } from '@ludic/environments';
import { HISTORY_STRATEGIES, type HistoryStrategy } from '@ludic/history';
import type { EnvironmentSpec } from '@ludic/rollouts';
import type { ModelSampling, PolicyChoice } from '../engine/protocol.ts';
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

/** Who plays, and what it sees of the game. */
export interface PolicyEntry {
  readonly kind: PolicyChoice['kind'];
  readonly name: string;
  readonly history: HistoryStrategy;
}

/** What is evaluated: policies, each playing the same `episodes` games that `seed` selects. */
export interface EvaluationSpec extends Pick<EnvironmentSpec, 'environment' | 'config'>, ModelSampling {
  readonly policies: readonly PolicyEntry[];
  readonly episodes: number;
  readonly seed: number;
}

/** What the form holds when the page is opened. */
export const DEFAULT_EVALUATION: EvaluationSpec = {
  environment: 'tic_tac_toe',
  config: {},
  policies: [
    { kind: 'model', name: 'nano', history: 'NO_HISTORY' },
    { kind: 'scripted', name: 'expert', history: 'NO_HISTORY' },
  ],
  episodes: 200,
  seed: 0,
  // Judging shows what a model holds likeliest.
  temperature: 0,
  maxCompletionLength: 64,
  device: 'auto',
};

/** Most games of an evaluation, in the form and in links. */
export const MOST_EPISODES = 100_000;
const MOST_POLICIES = 24;

/** How the engine is asked for an entry. */
export const policyOf = (
  { kind, name }: PolicyEntry,
  { device, temperature, maxCompletionLength }: EvaluationSpec,
): PolicyChoice => (kind === 'scripted' ? { kind, name } : { kind, name, device, temperature, maxCompletionLength });

/** Two policies may meet where everything but themselves is the same. */
export const gamesKey = ({ environment, config, episodes, seed }: EvaluationSpec): string =>
  JSON.stringify([environment, resolveConfig(findEnvironment(environment), config), episodes, seed]);

/** The part of an address behind #. */
export function evaluationLink(spec: EvaluationSpec): string {
  const words = new URLSearchParams({
    game: spec.environment,
    config: JSON.stringify(spec.config),
    seed: String(spec.seed),
    ...samplingWords(spec),
    episodes: String(spec.episodes),
  });
  for (const entry of spec.policies) {
    words.append('history', entry.history);
    words.append('policy', policyText(entry));
  }
  return `#evaluate?${words}`;
}

/**
 * Reads what evaluationLink wrote; undefined where the address names no spec.
 * @throws Error in a sentence that says which part cannot be used
 */
export function readEvaluationLink(hash: string): EvaluationSpec | undefined {
  const words = wordsOf(hash, 'evaluate');
  if (!words) return undefined;
  const game = gameIn(words, DEFAULT_EVALUATION.environment);
  return {
    ...game,
    policies: readPolicies(words, game.environment),
    episodes: numberIn(words, 'episodes', DEFAULT_EVALUATION.episodes, 1, MOST_EPISODES),
    seed: numberIn(words, 'seed', DEFAULT_EVALUATION.seed, 0, Number.MAX_SAFE_INTEGER),
    ...samplingIn(words, DEFAULT_EVALUATION),
  };
}

/** @throws Error where policies and histories of the address do not belong together */
function readPolicies(words: URLSearchParams, environment: string): readonly PolicyEntry[] {
  const histories = words.getAll('history');
  const policies = words.getAll('policy');
  if (policies.length > MOST_POLICIES)
    throw new Error(`The link cannot be used: it names ${policies.length} policies, more than ${MOST_POLICIES}.`);
  if (histories.length !== policies.length)
    throw new Error('The link cannot be used: it does not name one history for each policy.');
  if (policies.length === 0) return DEFAULT_EVALUATION.policies;
  return policies.map((text, i) => ({
    ...policyIn(text, environment),
    history: oneOf('history', histories[i]!, HISTORY_STRATEGIES)!,
  }));
}
