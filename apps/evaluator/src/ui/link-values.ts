// The parameters of an address behind `#view?`. They are untrusted, so every value is checked. Faults are sentences that say
// which word cannot be used.

import { environments, findEnvironment, resolveConfig } from '@ludic/environments';
import type { EnvironmentSpec } from '@ludic/rollouts';
import type { DeviceChoice } from '../engine/models/library.ts';
import type { ModelSampling, PolicyChoice } from '../engine/protocol.ts';

const DEVICES: readonly DeviceChoice[] = ['auto', 'cpu', 'webgpu'];

/** `model:nano`, `scripted:expert`: how a policy is called in addresses. */
export const policyText = ({ kind, name }: Pick<PolicyChoice, 'kind' | 'name'>) => `${kind}:${name}`;

/** The policy of a `policyText`; undefined for any other text. */
export function policyOfText(text: string): Pick<PolicyChoice, 'kind' | 'name'> | undefined {
  const [, kind, name] = /^(model|scripted):(.+)$/s.exec(text) ?? [];
  return name === undefined ? undefined : { kind: kind as PolicyChoice['kind'], name };
}

/** Undefined where the address is not of that view, or says nothing more. */
export function wordsOf(hash: string, view: string): URLSearchParams | undefined {
  const start = `#${view}?`;
  return hash.startsWith(start) ? new URLSearchParams(hash.slice(start.length)) : undefined;
}

/** @returns undefined where the address does not say it @throws Error where it says something unknown */
export function oneOf<T extends string>(name: string, text: string | null, known: readonly T[]): T | undefined {
  if (text === null) return undefined;
  const found = known.find((one) => one === text);
  if (found === undefined) throw unusable(name, text);
  return found;
}

/** @param missing where the address does not say it */
export function numberIn(
  words: URLSearchParams,
  name: string,
  missing: number,
  min: number,
  max: number,
  whole = true,
): number {
  const text = words.get(name);
  if (text === null) return missing;
  const value = text.trim() === '' ? Number.NaN : Number(text);
  if (value >= min && value <= max && (!whole || Number.isInteger(value))) return value;
  const range = `a ${whole ? 'whole ' : ''}number from ${min} to ${max}`;
  throw new Error(`The link cannot be used: its ${name} is ${quoted(text)}, not ${range}.`);
}

/** Who plays, where its game has such a player. */
export function policyIn(text: string, environment: string): Pick<PolicyChoice, 'kind' | 'name'> {
  const policy = policyOfText(text);
  if (policy?.kind === 'model' || (policy && Object.hasOwn(findEnvironment(environment).experts, policy.name)))
    return policy;
  throw unusable('policy', text);
}

/** @throws EnvironmentError for settings that the game does not have */
function configIn(words: URLSearchParams, environment: string): EnvironmentSpec['config'] {
  const text = words.get('config');
  if (text === null) return {};
  let config: EnvironmentSpec['config'];
  try {
    config = JSON.parse(text);
  } catch {
    throw unusable('config', text);
  }
  resolveConfig(findEnvironment(environment), config);
  return config;
}

/** The game of an address and its settings. @param missing where the address names none */
export function gameIn(words: URLSearchParams, missing: string): Pick<EnvironmentSpec, 'environment' | 'config'> {
  const environment = oneOf('game', words.get('game'), [...environments.keys()]) ?? missing;
  return { environment, config: configIn(words, environment) };
}

/** How a model plays, as parameters of an address. */
export const samplingWords = ({ temperature, maxCompletionLength, device }: ModelSampling) => ({
  temperature: String(temperature),
  reply: String(maxCompletionLength),
  device,
});

/** Reads `samplingWords`. @param missing where the address does not say it */
export const samplingIn = (words: URLSearchParams, missing: ModelSampling): ModelSampling => ({
  temperature: numberIn(words, 'temperature', missing.temperature, 0, 100, false),
  maxCompletionLength: numberIn(words, 'reply', missing.maxCompletionLength, 1, 1e6),
  device: oneOf('device', words.get('device'), DEVICES) ?? 'auto',
});

/** The error for a value that cannot be used. At most 80 characters of it are quoted. */
export const unusable = (name: string, text: string) =>
  new Error(`The link cannot be used: its ${name} is ${quoted(text)}, which is not known here.`);

const quoted = (text: string) => JSON.stringify(text.slice(0, 80));
