// What is evaluated, as a value and as an address: a link gives everybody the same games, hence the same numbers.

import { environments, findEnvironment, resolveConfig } from '@ludic/environments';
import { HISTORY_STRATEGIES, type HistoryStrategy } from '@ludic/history';
import type { DeviceChoice } from '../engine/models/library.ts';
import type { PolicyChoice } from '../engine/protocol.ts';
import { configIn, deviceIn, numberIn, oneOf, policyIn, policyText, wordsOf } from '../ui/link-values.ts';

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
  // Judging shows what a model holds likeliest.
  temperature: 0,
  maxCompletionLength: 64,
  device: 'auto',
};

export const MOST_EPISODES = 100_000;
const MOST_CONTESTANTS = 24;

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
  const words = wordsOf(hash, 'evaluate');
  if (!words) return undefined;
  const environment = oneOf('game', words.get('game'), [...environments.keys()]) ?? DEFAULT_SETTING.environment;
  return {
    environment,
    config: configIn(words, environment),
    contestants: readContestants(words, environment),
    episodes: numberIn(words, 'episodes', DEFAULT_SETTING.episodes, 1, MOST_EPISODES),
    seed: numberIn(words, 'seed', DEFAULT_SETTING.seed, 0, Number.MAX_SAFE_INTEGER),
    temperature: numberIn(words, 'temperature', DEFAULT_SETTING.temperature, 0, 100, false),
    maxCompletionLength: numberIn(words, 'reply', DEFAULT_SETTING.maxCompletionLength, 1, 1e6),
    device: deviceIn(words),
  };
}

function readContestants(words: URLSearchParams, environment: string): readonly Contestant[] {
  const histories = words.getAll('history');
  const policies = words.getAll('policy');
  if (policies.length > MOST_CONTESTANTS)
    throw new Error(`The link cannot be used: it names ${policies.length} policies, more than ${MOST_CONTESTANTS}.`);
  if (histories.length !== policies.length)
    throw new Error('The link cannot be used: it does not name one history for each policy.');
  if (policies.length === 0) return DEFAULT_SETTING.contestants;
  return policies.map((text, i) => ({
    ...policyIn(text, environment),
    history: oneOf('history', histories[i]!, HISTORY_STRATEGIES)!,
  }));
}
