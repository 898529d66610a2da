// One episode while it is played: a prompt goes out, a reply comes in, until the game ends or fails.

import type { Environment, EnvironmentDefinition } from '@ludic/environments';
import { buildMessages, type HistoryStrategy, type Message, type PastTurn } from '@ludic/history';
import type { NoReply, Prompt, Reply } from '@ludic/policies';
import { stream } from '@ludic/random';
import type { EpisodeStart } from './starts.ts';
import type { EndReason, Episode, Turn } from './trajectory.ts';

/** What episodes at one table have in common. */
export interface Setting {
  readonly definition: EnvironmentDefinition;
  /** A resolved config of the definition. */
  readonly config: unknown;
  readonly history: HistoryStrategy;
  readonly systemPrompt: string;
}

export class RunningEpisode {
  readonly #history: HistoryStrategy;
  readonly #systemPrompt: string;
  readonly #start: EpisodeStart;
  readonly #random;
  readonly turns: Turn[] = [];
  readonly #past: PastTurn[] = [];
  environment!: Environment;
  /** What the environment said last. */
  observation = '';
  #reward = 0;
  /** Why it failed. */
  error: string | undefined;
  /** Undefined while it goes on. */
  endReason: EndReason | undefined;

  /** @param opponent plays the other side, see `ResetOptions` */
  constructor(
    { definition, config, history, systemPrompt }: Setting,
    start: EpisodeStart,
    opponent?: (state: unknown) => string,
  ) {
    this.#history = history;
    this.#systemPrompt = systemPrompt;
    this.#start = start;
    this.#random = stream(...start.policyPath);
    this.#guard(() => {
      this.environment = definition.create(config);
      this.observation = this.environment.reset(start.seed, {
        dynamicsSeed: start.dynamicsSeed,
        ...(opponent && { opponent }),
      });
    });
  }

  /** The next prompt; none when making it failed. */
  prompt(): Prompt | undefined {
    return this.#guard(() => {
      const { environment } = this;
      const messages = buildMessages(this.#history, {
        systemPrompt: this.#systemPrompt,
        turns: this.#past,
        observation: this.observation,
        optimalMemory: this.#history === 'OPTIMAL_SCRATCHPAD' ? environment.memory : '',
      });
      return { messages, episode: this, random: this.#random, environment };
    });
  }

  play(prompt: readonly Message[], reply: Reply | NoReply): void {
    this.#guard(() => {
      if (reply.finish === 'failed') throw new Error(reply.error);
      const step = this.environment.step(reply.text);
      this.turns.push({ prompt, observation: this.observation, reply, reward: step.reward, info: step.info });
      this.#past.push({ observation: this.observation, reply: reply.text });
      this.observation = step.observation;
      this.#reward += step.reward;
      if (step.terminated) this.endReason = 'terminated';
      else if (step.truncated) this.endReason = 'truncated';
    });
  }

  episode(): Episode {
    const outcome = this.turns.at(-1)?.info.outcome;
    return {
      seed: this.#start.seed,
      dynamicsSeed: this.#start.dynamicsSeed,
      turns: this.turns,
      reward: this.#reward,
      endReason: this.endReason ?? 'failed',
      finalObservation: this.error === undefined ? this.observation : '',
      ...(outcome && { outcome }),
      ...(this.error !== undefined && { error: this.error }),
    };
  }

  #guard<T>(act: () => T): T | undefined {
    try {
      return act();
    } catch (error) {
      this.endReason = 'failed';
      this.error = error instanceof Error ? error.message : String(error);
      return undefined;
    }
  }
}
