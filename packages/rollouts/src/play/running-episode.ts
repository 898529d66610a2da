// One episode while it is played: the next prompt, and what its reply leads to. Whatever its game does becomes data.

import { type Awaitable, CheckedGame, type EnvironmentDefinition, reasonOf, rulesOf } from '@ludic/environments';
import {
  buildMessages,
  HistoryError,
  type HistoryStrategy,
  type Message,
  type PastTurn,
  readScratchpad,
} from '@ludic/history';
import { withoutTools } from '@ludic/models/internal';
import { type GamePrompt, isReply, type NoReply, type PolicyRequest, type Reply } from '@ludic/policies';
import { stream } from '@ludic/random';
import { type EnvironmentSpec, resolveSpec } from '../environment-spec.ts';
import type { EpisodeStart } from '../starts.ts';
import type { EndReason, Episode, Turn } from '../trajectory.ts';

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
  readonly #systemPromptOf: () => string;
  readonly #opponent: RunningEpisodeOptions['opponent'];
  #systemPrompt = '';
  readonly #start: EpisodeStart;
  readonly #random;
  readonly turns: Turn[] = [];
  readonly #past: PastTurn[] = [];
  #scratchpad = '';
  /** Where the game writes the scratchpad: the facts that the policy knew when it made its moves. */
  readonly #seen: Set<string> | undefined;
  readonly environment: CheckedGame;
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
    this.#systemPromptOf = systemPrompt;
    this.#opponent = opponent;
  }

  /** Opens the game, once. A promise where the game answers later. */
  begin(): Promise<void> | undefined {
    const { seed, dynamicsSeed, split } = this.#start;
    return this.#guardLater(
      () => {
        this.#systemPrompt = this.#systemPromptOf();
        return this.environment.reset(seed, {
          dynamicsSeed,
          ...(split && { split }),
          ...(this.#opponent && { opponent: this.#opponent }),
        });
      },
      (observation) => {
        this.observation = observation;
        this.#see();
      },
    );
  }

  /**
   * The next prompt; none when making it failed.
   * @param past what it shows of the turns before, see `Play.past`
   */
  prompt(past?: readonly PastTurn[]): GamePrompt | undefined {
    return this.#guard(() => {
      const { environment } = this;
      const request = environment.request as PolicyRequest | undefined;
      if (request) return { messages: plainTurns(request), episode: this, random: this.#random, environment, request };
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

  /** The reply to a prompt. A promise where the game answers later. */
  play(prompt: readonly Message[], reply: Reply | NoReply): Promise<void> | undefined {
    if (isReply(reply)) return this.#step(prompt, reply);
    this.endReason = reply.finish;
    this.error = reply.error;
    return undefined;
  }

  /** Frees what the game holds. */
  close(): void {
    this.environment.close();
  }

  #step(prompt: readonly Message[], reply: Reply): Promise<void> | undefined {
    let hidden: Pick<Turn, 'situation' | 'trueNotes' | 'request'>;
    return this.#guardLater(
      () => {
        hidden = this.#hidden();
        this.#see();
        return this.environment.step(reply.text, reply);
      },
      ({ observation, reward, terminated, truncated, info }) => {
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
      },
    );
  }

  /** What the policy is not told, for credit, and what it was told beside plain turns. */
  #hidden(): Pick<Turn, 'situation' | 'trueNotes' | 'request'> {
    const { situation } = this.environment;
    const request = this.environment.request as PolicyRequest | undefined;
    const trueNotes = this.#scratchpad === '' ? 0 : this.#trueNotes();
    // What is written where notes are given leads to nothing, so it is not compared with what is written elsewhere.
    const named = this.#seen && situation !== undefined ? `${situation} given` : situation;
    return {
      ...(named !== undefined && { situation: named }),
      ...(trueNotes > 0 && { trueNotes }),
      ...(request && { request }),
    };
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
    const { outcome, success } = this.turns.at(-1)?.info ?? {};
    const { seed, dynamicsSeed, split } = this.#start;
    const turns = this.#withFinalRewards();
    return {
      ...{ seed, dynamicsSeed },
      ...(split && { split }),
      turns,
      reward: turns === this.turns ? this.#reward : turns.reduce((sum, { reward }) => sum + reward, 0),
      endReason: this.endReason ?? 'failed',
      finalObservation: this.endReason === 'failed' ? '' : this.observation,
      ...(outcome && { outcome }),
      ...(success !== undefined && { success }),
      ...(this.error !== undefined && { error: this.error }),
    };
  }

  #withFinalRewards(): readonly Turn[] {
    const rewards = this.endReason === 'failed' ? undefined : this.#guard(() => this.environment.finalRewards);
    return rewards ? this.turns.map((turn, i) => ({ ...turn, reward: rewards[i] ?? 0 })) : this.turns;
  }

  #guard<T>(act: () => T): T | undefined {
    try {
      return act();
    } catch (error) {
      // A history that is wrong is wrong for every game.
      if (error instanceof HistoryError) throw error;
      this.#fail(error);
      return undefined;
    }
  }

  /** @param next what follows from what the game answers, now or later */
  #guardLater<T>(act: () => Awaitable<T>, next: (answer: T) => void): Promise<void> | undefined {
    const answer = this.#guard(() => ({ value: act() }));
    if (!answer) return undefined;
    const { value } = answer;
    if (!(value instanceof Promise)) {
      this.#guard(() => next(value as T));
      return undefined;
    }
    return value.then(next).catch((error: unknown) => this.#fail(error));
  }

  #fail(error: unknown): void {
    this.endReason = 'failed';
    this.error = reasonOf(error);
  }
}

/** A conversation with tools in system, user and assistant messages, as people read it. */
const plainTurns = ({ messages, tools }: PolicyRequest): readonly Message[] =>
  withoutTools(messages, tools).map(({ role, content }) => ({ role: role === 'tool' ? 'user' : role, content }));
