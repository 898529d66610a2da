// An environment of OpenEnv as a game: its observations are texts for the policy, the text in the reply's tag is its action.
// Source of the protocol: https://github.com/meta-pytorch/OpenEnv, version 0.3.

import {
  type Environment,
  type EnvironmentDefinition,
  type Expert,
  type ResetOptions,
  type Step,
  tagReader,
} from '@ludic/environments';
import { isObject } from '@ludic/io';
import { OpenEnvConnection, type StepData } from './connection.ts';

/** An environment that a server of OpenEnv offers. */
export interface OpenEnvSettings {
  /** Name in the registry of environments: lower case with underscores. */
  readonly id: string;
  /** Address of the server, such as `ws://127.0.0.1:8000` or `http://127.0.0.1:8000`. */
  readonly url: string;
  readonly title?: string;
  readonly description?: string;
  /** What the policy is told first, beside the form of its replies. */
  readonly instruction: string;
  /** Tag that holds the action in a reply. Default: `action`. */
  readonly replyTag?: string;
  /** Field of the action that holds its text. Default: the only required text of the server's schema, or its only text. */
  readonly actionField?: string;
  /** Field of the observation that the policy reads. Default: all its texts, or its JSON where it has none. */
  readonly observationField?: string;
  /** Replies after which an episode is cut off. Default: 50. */
  readonly maxSteps?: number;
  /** Actions of the right form, for the scripted players. Default: an empty one. */
  readonly exampleActions?: readonly string[];
}

const MOST_STEPS = 50;
/** A server may be away for a moment. */
const ATTEMPTS = 3;
/** What seeds of Python's generators may be. */
const SEEDS = 2 ** 31;

/**
 * The environment as a game. Each episode is a connection of its own; the seed of the opening is the seed of its reset, and
 * OpenEnv knows no other dice.
 */
export function openEnv(settings: OpenEnvSettings): EnvironmentDefinition {
  const { id, title = id, description = `An environment of OpenEnv at ${settings.url}.`, instruction } = settings;
  const { replyTag = 'action', exampleActions = [''] } = settings;
  const wrapped = (text: string) => `<${replyTag}>${text}</${replyTag}>`;
  const player = (): Expert => ({
    act: (_, random) => wrapped(exampleActions[random.nextInt(exampleActions.length)]!),
  });
  const readTag = tagReader(replyTag);
  return {
    id,
    title,
    description,
    replyTag,
    attempts: ATTEMPTS,
    configSchema: { type: 'object', properties: {}, additionalProperties: false },
    systemPrompt: () => `${instruction}\nReply with ${wrapped('your action')}.`,
    create: () => new OpenEnvEpisode(settings, readTag, `Reply with ${wrapped('your action')}.`),
    experts: { random: player, expert: player },
  };
}

class OpenEnvEpisode implements Environment {
  readonly #settings: OpenEnvSettings;
  readonly #readTag: (reply: string) => string | undefined;
  readonly #unreadable: string;
  #connection: OpenEnvConnection | undefined;
  #actionField = '';
  #observation = '';
  #steps = 0;
  readonly state = undefined;
  readonly memory = '';

  constructor(settings: OpenEnvSettings, readTag: (reply: string) => string | undefined, unreadable: string) {
    this.#settings = settings;
    this.#readTag = readTag;
    this.#unreadable = unreadable;
  }

  async reset(seed: number, _?: ResetOptions): Promise<string> {
    const { url, actionField } = this.#settings;
    this.#steps = 0;
    this.#connection ??= await OpenEnvConnection.open(url);
    this.#actionField ||= actionField ?? (await this.#connection.textField());
    const { observation, done } = await this.#connection.ask('reset', { seed: seed % SEEDS });
    if (done) throw new Error('the environment was over before the first action');
    return (this.#observation = this.#textOf(observation));
  }

  async step(reply: string): Promise<Step> {
    if (!this.#connection) throw new Error('no episode has begun');
    const action = this.#readTag(reply);
    const truncated = ++this.#steps >= (this.#settings.maxSteps ?? MOST_STEPS);
    if (action === undefined) {
      const observation = `${this.#unreadable}\n${this.#observation}`;
      return { observation, reward: 0, terminated: false, truncated, info: { invalid: true } };
    }
    const { observation, reward, done } = await this.#connection.ask('step', { [this.#actionField]: action });
    this.#observation = this.#textOf(observation);
    return {
      observation: this.#observation,
      reward: Number(reward ?? 0),
      terminated: done,
      truncated: truncated && !done,
      info: { invalid: false },
    };
  }

  close(): void {
    this.#connection?.close();
  }

  #textOf(observation: StepData['observation']): string {
    const { observationField } = this.#settings;
    const given = observationField === undefined ? observation : observation[observationField];
    if (typeof given === 'string') return given;
    const texts = isObject(given) ? Object.values(given).filter((value) => typeof value === 'string') : [];
    return texts.filter((text) => text !== '').join('\n') || JSON.stringify(given) || '';
  }
}
