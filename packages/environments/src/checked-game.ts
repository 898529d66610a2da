// A game that may be wrong. Games are code of users: whatever one throws or returns becomes a step that is right, or
// one error that says in a sentence what was wrong and where.

import type {
  Awaitable,
  Environment,
  EnvironmentDefinition,
  Facts,
  ReplyMade,
  ResetOptions,
  Step,
  StepInfo,
} from './contract.ts';
import { EnvironmentError } from './errors.ts';
import { answered, type GameCall, placeOf, watched } from './watch.ts';

/** Characters of an observation. More is no text for a policy, and costs minutes to encode. */
const LONGEST_OBSERVATION = 2 ** 20;
/** Sums and squares of rewards up to here are exact enough, and finite as 32-bit numbers. */
const LARGEST_REWARD = 1e15;
/** Characters that are kept of what a game throws. */
const LONGEST_REASON = 300;

const METRIC_NAME = /^[a-z][a-z0-9_]{0,63}$/;

const OUTCOMES: ReadonlySet<unknown> = new Set(['win', 'draw', 'loss']);

/** An environment that checks what a game does. Its own errors are EnvironmentErrors with the code `bad_game`. */
export class CheckedGame implements Environment, GameCall {
  readonly #definition: EnvironmentDefinition;
  readonly #config: unknown;
  #environment: Environment | undefined;
  call = 'create';
  seed = 0;
  dynamicsSeed = 0;
  turn = 0;

  /** @param config a resolved config of the definition; the game gets a copy of its own */
  constructor(definition: EnvironmentDefinition, config: unknown) {
    this.#definition = definition;
    this.#config = copyOf(config);
  }

  get game(): string {
    return this.#definition.id;
  }

  /** A promise where the game answers with one. */
  reset(seed: number, options?: ResetOptions): Awaitable<string> {
    this.seed = seed;
    this.dynamicsSeed = options?.dynamicsSeed ?? seed;
    this.turn = 0;
    const environment = (this.#environment ??= this.#call('create', () => {
      const made: unknown = this.#definition.create(this.#config);
      refusePromise(made);
      if (typeof made !== 'object' || made === null) throw new Fault(`it returned ${shown(made)}, no environment`);
      return made as Environment;
    }));
    return this.#answer('reset', () => environment.reset(seed, options), observationOf);
  }

  /** A promise where the game answers with one. */
  step(reply: string, given?: ReplyMade): Awaitable<Step> {
    this.turn++;
    return this.#answer('step', () => this.#current().step(reply, given), stepOf);
  }

  /** Never throws, and waits for nothing: an episode that is over has no use for what closing it says. */
  close(): void {
    try {
      const environment = this.#environment;
      if (environment?.close) void Promise.resolve(this.#call('close', () => environment.close!())).catch(() => {});
    } catch {
      // As above.
    }
  }

  get state(): unknown {
    return this.#call('state', () => this.#current().state);
  }

  get memory(): string {
    return this.#call('memory', () => textOf(this.#current().memory, 'memory'));
  }

  get facts(): Facts {
    return this.#call('facts', () => factsOf(this.#current().facts));
  }

  get situation(): string | undefined {
    return this.#call('situation', () => {
      const { situation } = this.#current();
      return situation === undefined ? undefined : textOf(situation, 'situation');
    });
  }

  get request(): object | undefined {
    return this.#call('request', () => requestOf(this.#current().request));
  }

  get finalRewards(): readonly number[] | undefined {
    return this.#call('finalRewards', () => {
      const given: unknown = this.#current().finalRewards;
      if (given === undefined) return undefined;
      if (!Array.isArray(given)) throw new Fault(`they are ${shown(given)}, and must be a list of numbers`);
      return given.map(rewardOf);
    });
  }

  #current(): Environment {
    if (this.#environment) return this.#environment;
    throw new Fault('no episode has begun');
  }

  /** What a call answers, now or later, checked. */
  #answer<T>(call: string, act: () => unknown, check: (given: unknown) => T): Awaitable<T> {
    const given = this.#call(call, () => {
      const answer = act();
      return isPromise(answer) ? { later: answer } : { now: check(answer) };
    });
    return given.later === undefined ? given.now : this.#later(call, given.later, check);
  }

  async #later<T>(call: string, promise: PromiseLike<unknown>, check: (given: unknown) => T): Promise<T> {
    const { game, seed, dynamicsSeed, turn } = this;
    try {
      return check(await answered(promise));
    } catch (error) {
      throw faultAt({ game, call, seed, dynamicsSeed, turn }, error);
    }
  }

  #call<T>(call: string, act: () => T): T {
    const outer = this.call;
    this.call = call;
    try {
      return watched(this, act);
    } catch (error) {
      throw faultAt(this, error);
    } finally {
      this.call = outer;
    }
  }
}

/** What the other side did is no fault of the game. */
function faultAt(call: GameCall, error: unknown): unknown {
  if (error instanceof EnvironmentError && error.code === 'bad_opponent') return error;
  return new EnvironmentError('bad_game', `${placeOf(call)} failed: ${reasonOf(error)}`, { cause: error });
}

/** Lets a scripted player of a game act under the watch of this thread: it is code of the game as well. */
export function watchedPlayer<T>(name: string, environment: Environment, act: () => T): T {
  if (!(environment instanceof CheckedGame)) return act();
  const { game, seed, dynamicsSeed, turn } = environment;
  return watched({ game, call: `player ${name}`, seed, dynamicsSeed, turn: turn + 1 }, act);
}

/** The rules that a game tells the policy. @throws EnvironmentError `bad_game` */
export function rulesOf(definition: EnvironmentDefinition, config: unknown): string {
  try {
    const call = { game: definition.id, call: 'systemPrompt', seed: 0, dynamicsSeed: 0, turn: 0 };
    return watched(call, () => textOf(definition.systemPrompt(copyOf(config)), 'system prompt'));
  } catch (error) {
    throw new EnvironmentError('bad_game', `systemPrompt of ${definition.id} failed: ${reasonOf(error)}`, {
      cause: error,
    });
  }
}

/** What a game did wrong, to follow its place. */
class Fault extends Error {}

/** Whatever was thrown, as one short line that ends like a sentence. */
export function reasonOf(error: unknown): string {
  let text: string;
  try {
    const told: unknown = error instanceof Error ? error.message || error.name : error;
    text = typeof told === 'string' ? told : shown(told);
  } catch {
    text = 'it threw something that cannot be read';
  }
  const line =
    text
      .slice(0, 4 * LONGEST_REASON)
      .replaceAll(/\s+/g, ' ')
      .trim() || 'it threw an empty text';
  const cut = line.length > LONGEST_REASON ? `${line.slice(0, LONGEST_REASON).toWellFormed()}…` : line;
  return /[.!?…]$/.test(cut) ? cut : `${cut}.`;
}

function stepOf(given: unknown): Step {
  if (typeof given !== 'object' || given === null) throw new Fault(`it returned ${shown(given)}, no step`);
  // Each field is read once: what the game does with its object afterwards changes nothing.
  const { observation, reward, terminated, truncated, info } = given as Record<keyof Step, unknown>;
  return {
    observation: observationOf(observation),
    reward: rewardOf(reward),
    terminated: flagOf(terminated, 'terminated'),
    truncated: flagOf(truncated, 'truncated'),
    info: infoOf(info),
  };
}

function rewardOf(reward: unknown): number {
  if (typeof reward !== 'number' || !Number.isFinite(reward))
    throw new Fault(`its reward is ${shown(reward)}, and must be a finite number`);
  if (Math.abs(reward) > LARGEST_REWARD)
    throw new Fault(`its reward is ${reward}, and must be between -${LARGEST_REWARD} and ${LARGEST_REWARD}`);
  // No negative zero.
  return reward + 0;
}

function flagOf(flag: unknown, name: string): boolean {
  if (typeof flag !== 'boolean') throw new Fault(`its ${name} is ${shown(flag)}, and must be true or false`);
  return flag;
}

function infoOf(given: unknown): StepInfo {
  if (typeof given !== 'object' || given === null)
    throw new Fault(`its info is ${shown(given)}, and must be an object with invalid`);
  const { invalid, outcome, success, metrics } = given as Record<keyof StepInfo, unknown>;
  const checked = flagOf(invalid, 'info.invalid');
  if (outcome !== undefined && !OUTCOMES.has(outcome))
    throw new Fault(`its info.outcome is ${shown(outcome)}, and must be win, draw or loss`);
  return {
    invalid: checked,
    ...(outcome !== undefined && { outcome: outcome as NonNullable<StepInfo['outcome']> }),
    ...(success !== undefined && { success: flagOf(success, 'info.success') }),
    ...(metrics !== undefined && { metrics: metricsOf(metrics) }),
  };
}

function metricsOf(given: unknown): NonNullable<StepInfo['metrics']> {
  if (typeof given !== 'object' || given === null)
    throw new Fault(`its info.metrics are ${shown(given)}, and must be an object of numbers`);
  const entries: readonly [string, unknown][] = Object.entries(given);
  for (const [name, value] of entries) {
    if (!METRIC_NAME.test(name))
      throw new Fault(
        `its metric ${JSON.stringify(name)} must be named by lower-case letters, digits and underscores, at most 64`,
      );
    if (typeof value !== 'number' || !(Math.abs(value) <= LARGEST_REWARD))
      throw new Fault(`its metric ${name} is ${shown(value)}, and must be a number up to ${LARGEST_REWARD}`);
  }
  return Object.fromEntries(entries) as Record<string, number>;
}

function factsOf(given: unknown): Facts {
  refusePromise(given);
  if (given === undefined) return {};
  if (typeof given !== 'object' || given === null)
    throw new Fault(`its facts are ${shown(given)}, and must be an object`);
  for (const [kind, line] of Object.entries(given)) textOf(line, `fact ${kind}`);
  return given as Facts;
}

function requestOf(given: unknown): object | undefined {
  if (given === undefined) return undefined;
  if (typeof given !== 'object' || given === null) throw new Fault(`it is ${shown(given)}, and must be an object`);
  const { messages } = given as { messages?: unknown };
  if (!Array.isArray(messages) || messages.length === 0)
    throw new Fault(`its messages are ${shown(messages)}, and must be a list of at least one`);
  for (const { role, content } of messages) {
    textOf(role, 'message without a role');
    textOf(content, `content of a message of ${role}`);
  }
  return given;
}

const observationOf = (given: unknown): string => textOf(given, 'observation');

function textOf(given: unknown, name: string): string {
  refusePromise(given);
  if (typeof given !== 'string') throw new Fault(`its ${name} is ${shown(given)}, and must be text`);
  if (given.length > LONGEST_OBSERVATION)
    throw new Fault(`its ${name} has ${given.length} characters, and may have at most ${LONGEST_OBSERVATION}`);
  return given;
}

function isPromise(given: unknown): given is PromiseLike<unknown> {
  return typeof given === 'object' && given !== null && typeof (given as { then?: unknown }).then === 'function';
}

/** A rejection that nothing handles would end the whole program. */
function refusePromise(given: unknown): void {
  if (!isPromise(given)) return;
  Promise.resolve(given).catch(() => {});
  throw new Fault('it answered with a promise: of the functions of a game only reset and step may be asynchronous');
}

/** A value for a sentence. Never runs code of the value. */
function shown(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return `the text ${JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value)}`;
    case 'bigint':
      return 'a BigInt';
    case 'symbol':
      return 'a Symbol';
    case 'function':
      return 'a function';
    case 'object':
      return value === null ? 'null' : Array.isArray(value) ? 'a list' : 'an object';
    default:
      return String(value);
  }
}

/** Settings are flat: a copy of the object is a copy of all. */
const copyOf = (config: unknown): unknown =>
  typeof config === 'object' && config !== null && !Array.isArray(config) ? { ...config } : config;
