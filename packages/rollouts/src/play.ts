// Episodes while they are played. In each, a prompt goes out and a reply comes in, until the game ends or fails; many go in
// lockstep: at each round every running episode's prompt goes to the policy in one batch. A game that fails is data, not a
// crash, and so is a reply that never came; a policy that fails is a real fault.

import { CheckedGame, type Environment, type EnvironmentDefinition, reasonOf, rulesOf } from '@ludic/environments';
import { buildMessages, type HistoryStrategy, type Message, type PastTurn, readScratchpad } from '@ludic/history';
import { PolicyError } from '@ludic/inference';
import { type GamePrompt, isReply, type NoReply, type Policy, type Reply } from '@ludic/policies';
import { stream } from '@ludic/random';
import { type EnvironmentSpec, resolveSpec } from './environment-spec.ts';
import type { EpisodeStart } from './starts.ts';
import type { EndReason, Episode, Turn } from './trajectory.ts';

/** Who plays which episodes. */
export interface Play {
  readonly policy: Policy;
  /** One per episode: `groupStarts` or `evaluationStarts` make them. */
  readonly starts: readonly EpisodeStart[];
  /** Looked at between rounds, and by policies that wait for others. */
  readonly signal?: AbortSignal | undefined;
  /**
   * The past that the policy is shown in place of its own, for ablations: the turns of another game, or none. The history
   * strategy makes scratchpad or conversation of them; the game goes on with the policy's own replies.
   * @param game its place in `starts`
   * @param turn of the game, from 0
   */
  readonly past?: ((game: number, turn: number) => readonly PastTurn[]) | undefined;
  /**
   * Share of the games, 0 to 1, under SCRATCHPAD whose scratchpad the game writes in place of the policy: the facts that it
   * says and that the policy saw at earlier turns. So the use of true notes can be learned before their writing.
   */
  readonly givenNotes?: number | undefined;
}

/** Who plays which episodes of which game. */
export interface PlayOptions extends EnvironmentSpec<string | EnvironmentDefinition>, Play {}

/**
 * Plays all episodes to their ends, in the order of `starts`.
 * @throws EnvironmentError, HistoryError for a spec that cannot be played; what the policy rejects with
 */
export async function playEpisodes(options: PlayOptions): Promise<Episode[]> {
  const { policy, starts, signal, past, givenNotes, ...spec } = options;
  return playPrepared(prepareEpisodes(spec), { policy, starts, signal, past, givenNotes });
}

/** The same for a spec that is played more than once. */
export async function playPrepared(spec: PreparedEpisodes, options: Play): Promise<Episode[]> {
  const { policy, starts, signal, past, givenNotes } = options;
  const runs = starts.map((start) => new RunningEpisode(spec, start, { givenNotes }));
  const places = past && new Map(runs.map((run, game) => [run, game]));
  let open = runs.filter((run) => run.endReason === undefined);
  while (open.length > 0) {
    signal?.throwIfAborted();
    const prompts = open.flatMap((run) => run.prompt(past?.(places!.get(run)!, run.turns.length)) ?? []);
    open = open.filter((run) => run.endReason === undefined);
    const replies = await policy.act(prompts, signal && { signal });
    if (replies.length !== prompts.length)
      throw new Error(`${policy.name} gave ${replies.length} replies to ${prompts.length} prompts`);
    for (const [i, run] of open.entries()) run.play(prompts[i]!.messages, replies[i]!);
    open = open.filter((run) => run.endReason === undefined);
  }
  return runs.map((run) => run.episode());
}

/**
 * For games whose very first prompts are too long: then the context is too small for the game, which no other game mends.
 * @throws PolicyError `prompt_too_long` where no episode had room for a reply
 */
export function assertRoom(episodes: readonly Episode[]): void {
  const first = episodes[0];
  if (first && episodes.every(({ endReason, turns }) => endReason === 'context_full' && turns.length === 0))
    throw new PolicyError('prompt_too_long', first.error!);
}

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

interface RunningEpisodeOptions {
  readonly opponent?: ((state: unknown) => string) | undefined;
  readonly givenNotes?: number | undefined;
}

export class RunningEpisode {
  readonly #history: HistoryStrategy;
  #systemPrompt = '';
  readonly #start: EpisodeStart;
  readonly #random;
  readonly turns: Turn[] = [];
  readonly #past: PastTurn[] = [];
  #scratchpad = '';
  /** Where the game writes the scratchpad: the facts that the policy knew when it made its moves. */
  readonly #seen: Set<string> | undefined;
  readonly environment: Environment;
  /** What the environment said last. */
  observation = '';
  #reward = 0;
  /** Why it failed, or what did not fit the context. */
  error: string | undefined;
  /** Undefined while it goes on. */
  endReason: EndReason | undefined;

  /** @param options `opponent` plays the other side, see `ResetOptions`; for `givenNotes` see `Play` */
  constructor(
    { environment, config, history, systemPrompt }: PreparedEpisodes,
    start: EpisodeStart,
    { opponent, givenNotes = 0 }: RunningEpisodeOptions = {},
  ) {
    this.#history = history;
    this.#start = start;
    this.#random = stream(...start.policyPath);
    if (history === 'SCRATCHPAD' && stream(...start.policyPath, 'given').nextFloat() < givenNotes)
      this.#seen = new Set();
    this.environment = new CheckedGame(environment, config);
    this.#guard(() => {
      this.#systemPrompt = systemPrompt();
      this.observation = this.environment.reset(start.seed, {
        dynamicsSeed: start.dynamicsSeed,
        ...(opponent && { opponent }),
      });
      this.#see();
    });
  }

  /**
   * The next prompt; none when making it failed.
   * @param past what it shows of the turns before, see `Play.past`
   */
  prompt(past?: readonly PastTurn[]): GamePrompt | undefined {
    return this.#guard(() => {
      const { environment } = this;
      const messages = buildMessages(this.#history, {
        systemPrompt: this.#systemPrompt,
        turns: past ?? (this.#seen ? this.#given() : this.#past),
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
      const hidden = this.#hidden();
      this.#see();
      const { observation, reward, terminated, truncated, info } = this.environment.step(reply.text);
      this.turns.push({
        prompt,
        observation: this.observation,
        ...hidden,
        reply,
        reward,
        info,
      });
      this.#past.push({ observation: this.observation, reply: reply.text });
      if (this.#history === 'SCRATCHPAD') this.#scratchpad = readScratchpad(reply.text) ?? this.#scratchpad;
      this.observation = observation;
      this.#reward += reward;
      if (terminated) this.endReason = 'terminated';
      else if (truncated) this.endReason = 'truncated';
    });
  }

  /** What the policy is not told, for credit. */
  #hidden(): Pick<Turn, 'situation' | 'trueNotes'> {
    const { situation } = this.environment;
    const trueNotes = this.#scratchpad === '' ? 0 : this.#trueNotes();
    // What is written where notes are given leads to nothing, so it is not compared with what is written elsewhere.
    const named = this.#seen && situation !== undefined ? `${situation} given` : situation;
    return { ...(named !== undefined && { situation: named }), ...(trueNotes > 0 && { trueNotes }) };
  }

  #trueNotes(): number {
    const lines = this.#scratchpad.split('\n');
    return this.#facts().filter((fact) => lines.includes(fact)).length;
  }

  /** A turn that wrote the facts that were seen. */
  #given(): readonly PastTurn[] {
    const lines = this.#facts().filter((fact) => this.#seen!.has(fact));
    return [{ observation: '', reply: `<scratchpad>${lines.join('\n')}</scratchpad>` }];
  }

  #see(): void {
    if (!this.#seen) return;
    const lines = new Set(this.environment.memory.split('\n'));
    for (const fact of this.#facts()) if (lines.has(fact)) this.#seen.add(fact);
  }

  #facts(): readonly string[] {
    return Object.values(this.environment.facts ?? {});
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
