// One episode while it is played: a prompt goes out, a reply comes in, until the game ends or fails.

import { CheckedGame, type Environment, type EnvironmentDefinition, reasonOf, rulesOf } from '@ludic/environments';
import { buildMessages, type HistoryStrategy, type Message, type PastTurn } from '@ludic/history';
import { type GamePrompt, isReply, type NoReply, type Reply } from '@ludic/policies';
import { stream } from '@ludic/random';
import { type EnvironmentSpec, resolveSpec } from './environment-spec.ts';
import type { EpisodeStart } from './starts.ts';
import type { EndReason, Episode, Turn } from './trajectory.ts';

/** What episodes of one spec have in common. */
export interface PreparedEpisodes extends EnvironmentSpec<EnvironmentDefinition> {
  /** Computed once. @throws where the game cannot tell its rules: the episode has failed then */
  readonly systemPrompt: () => string;
}

/** @throws EnvironmentError, HistoryError */
export function prepareEpisodes(spec: EnvironmentSpec<string | EnvironmentDefinition>): PreparedEpisodes {
  const resolved = resolveSpec(spec);
  let rules: string | undefined;
  return { ...resolved, systemPrompt: () => (rules ??= rulesOf(resolved.environment, resolved.config)) };
}

export class RunningEpisode {
  readonly #history: HistoryStrategy;
  #systemPrompt = '';
  readonly #start: EpisodeStart;
  readonly #random;
  readonly turns: Turn[] = [];
  readonly #past: PastTurn[] = [];
  readonly environment: Environment;
  /** What the environment said last. */
  observation = '';
  #reward = 0;
  /** Why it failed, or what did not fit the context. */
  error: string | undefined;
  /** Undefined while it goes on. */
  endReason: EndReason | undefined;

  /** @param opponent plays the other side, see `ResetOptions` */
  constructor(
    { environment, config, history, systemPrompt }: PreparedEpisodes,
    start: EpisodeStart,
    opponent?: (state: unknown) => string,
  ) {
    this.#history = history;
    this.#start = start;
    this.#random = stream(...start.policyPath);
    this.environment = new CheckedGame(environment, config);
    this.#guard(() => {
      this.#systemPrompt = systemPrompt();
      this.observation = this.environment.reset(start.seed, {
        dynamicsSeed: start.dynamicsSeed,
        ...(opponent && { opponent }),
      });
    });
  }

  /** The next prompt; none when making it failed. */
  prompt(): GamePrompt | undefined {
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

  /** What the environment shows beside its observation; nothing when the game has failed, or fails at this. */
  look(): { readonly state: unknown; readonly memory: string } | undefined {
    if (this.endReason === 'failed') return undefined;
    return this.#guard(() => ({ state: this.environment.state, memory: this.environment.memory }));
  }

  play(prompt: readonly Message[], reply: Reply | NoReply): void {
    if (isReply(reply)) {
      this.#step(prompt, reply);
      return;
    }
    this.endReason = reply.finish;
    this.error = reply.error;
  }

  #step(prompt: readonly Message[], reply: Reply): void {
    this.#guard(() => {
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
      finalObservation: this.endReason === 'failed' ? '' : this.observation,
      ...(outcome && { outcome }),
      ...(this.error !== undefined && { error: this.error }),
    };
  }

  #guard<T>(act: () => T): T | undefined {
    try {
      return act();
    } catch (error) {
      this.endReason = 'failed';
      this.error = reasonOf(error);
      return undefined;
    }
  }
}
