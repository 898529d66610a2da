// Many episodes in lockstep: at each round every running episode's prompt goes to the policy in one batch. A game that
// fails is data, not a crash, and so is a reply that never came; a policy that fails is a real fault.

import type { Environment, EnvironmentDefinition } from '@ludic/environments';
import { buildMessages, type HistoryStrategy, type Message, type PastTurn } from '@ludic/history';
import type { NoReply, Policy, Prompt, Reply } from '@ludic/policies';
import { stream } from '@ludic/random';
import type { EpisodeStart } from './starts.ts';
import type { EndReason, Episode, Turn } from './trajectory.ts';

export interface Table {
  readonly definition: EnvironmentDefinition;
  /** A resolved config of the definition. */
  readonly config: unknown;
  readonly history: HistoryStrategy;
  readonly policy: Policy;
}

export interface PlayOptions extends Table {
  readonly starts: readonly EpisodeStart[];
  /** Looked at between rounds, and by policies that wait for others. */
  readonly signal?: AbortSignal;
}

/** Plays all episodes to their ends, in the order of `starts`. */
export async function playEpisodes({
  definition,
  config,
  history,
  policy,
  starts,
  signal,
}: PlayOptions): Promise<Episode[]> {
  const systemPrompt = definition.systemPrompt(config);
  const runs = starts.map((start) => new RunningEpisode(definition, config, history, systemPrompt, start));
  let open = runs.filter((run) => run.endReason === undefined);
  while (open.length > 0) {
    signal?.throwIfAborted();
    const prompts = open.flatMap((run) => run.prompt() ?? []);
    open = open.filter((run) => run.endReason === undefined);
    const replies = await policy.act(prompts, signal && { signal });
    if (replies.length !== prompts.length)
      throw new Error(`${policy.name} gave ${replies.length} replies to ${prompts.length} prompts`);
    for (const [i, run] of open.entries()) run.play(prompts[i]!.messages, replies[i]!);
    open = open.filter((run) => run.endReason === undefined);
  }
  return runs.map((run) => run.episode());
}

class RunningEpisode {
  readonly #history: HistoryStrategy;
  readonly #systemPrompt: string;
  readonly #start: EpisodeStart;
  readonly #random;
  readonly #turns: Turn[] = [];
  readonly #past: PastTurn[] = [];
  #environment!: Environment;
  #observation = '';
  #reward = 0;
  #error: string | undefined;
  endReason: EndReason | undefined;

  constructor(
    definition: EnvironmentDefinition,
    config: unknown,
    history: HistoryStrategy,
    systemPrompt: string,
    start: EpisodeStart,
  ) {
    this.#history = history;
    this.#systemPrompt = systemPrompt;
    this.#start = start;
    this.#random = stream(...start.policyPath);
    this.#guard(() => {
      this.#environment = definition.create(config);
      this.#observation = this.#environment.reset(start.seed, { dynamicsSeed: start.dynamicsSeed });
    });
  }

  /** The next prompt; none when making it failed. */
  prompt(): Prompt | undefined {
    return this.#guard(() => {
      const environment = this.#environment;
      const messages = buildMessages(this.#history, {
        systemPrompt: this.#systemPrompt,
        turns: this.#past,
        observation: this.#observation,
        optimalMemory: this.#history === 'OPTIMAL_SCRATCHPAD' ? environment.memory : '',
      });
      return { messages, episode: this, random: this.#random, environment };
    });
  }

  play(prompt: readonly Message[], reply: Reply | NoReply): void {
    this.#guard(() => {
      if (reply.finish === 'failed') throw new Error(reply.error);
      const step = this.#environment.step(reply.text);
      this.#turns.push({ prompt, observation: this.#observation, reply, reward: step.reward, info: step.info });
      this.#past.push({ observation: this.#observation, reply: reply.text });
      this.#observation = step.observation;
      this.#reward += step.reward;
      if (step.terminated) this.endReason = 'terminated';
      else if (step.truncated) this.endReason = 'truncated';
    });
  }

  episode(): Episode {
    const outcome = this.#turns.at(-1)?.info.outcome;
    return {
      seed: this.#start.seed,
      turns: this.#turns,
      reward: this.#reward,
      endReason: this.endReason ?? 'failed',
      finalObservation: this.#error === undefined ? this.#observation : '',
      ...(outcome && { outcome }),
      ...(this.#error !== undefined && { error: this.#error }),
    };
  }

  #guard<T>(act: () => T): T | undefined {
    try {
      return act();
    } catch (error) {
      this.endReason = 'failed';
      this.#error = error instanceof Error ? error.message : String(error);
      return undefined;
    }
  }
}
