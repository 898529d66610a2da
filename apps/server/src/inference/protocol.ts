// Messages between the server and a process that holds a model. Plain data: it travels by structured clone.

import type { Message } from '@ludic/history';
import type { RatedToken, SamplingParams } from '@ludic/inference';
import type { ReplyMessage, RequestMessage, RequestSpec } from '@ludic/io';
import type { Reply } from '@ludic/policies';
import type { EnvironmentSpec, Episode, Evaluation } from '@ludic/rollouts';
import type { Device } from '@ludic/runtime';
import type { ModelOrigin } from '../models/model-source.ts';

export type Sampling = Omit<SamplingParams, 'stop'>;

/** One game. */
export interface RolloutTask extends EnvironmentSpec {
  readonly seed: number;
  readonly sampling: Sampling;
}

export interface EvaluationTask extends RolloutTask {
  readonly episodes: number;
  /** Whether the games themselves are wanted. */
  readonly trajectories: boolean;
}

export interface ChatTask {
  readonly messages: readonly Message[];
  /**
   * A reply may fill what the prompt leaves of the context, whatever the limit; without one, up to {@link LONGEST_REPLY}
   * tokens of it.
   */
  readonly sampling: Omit<Sampling, 'maxCompletionLength'> & { readonly maxCompletionLength?: number };
  /** Texts that end a reply, beside what ends a turn of the model. */
  readonly stop: readonly string[];
  /** Whether they are a part of it. */
  readonly keepStop: boolean;
  readonly seed: number;
  /** How many replies. */
  readonly choices: number;
  /** How many likely tokens are told at each place beside the one drawn; nothing is told about tokens where absent. */
  readonly alternatives?: number;
  /** Whether text is wanted as it is written. */
  readonly stream: boolean;
}

/** Maximum of tokens of a reply without a limit in the request. */
export const LONGEST_REPLY = 1024;

export interface Evaluated {
  readonly evaluation: Evaluation;
  /** In the order of their numbers; empty where they were not wanted. */
  readonly episodes: readonly Episode[];
}

interface ChatChoice {
  readonly text: string;
  readonly finish: Reply['finish'];
  /** Tokens of the text, where they were wanted. */
  readonly tokens: readonly RatedToken[];
}

export interface ChatAnswer {
  readonly choices: readonly ChatChoice[];
  readonly promptTokens: number;
  /** Of all choices, what ended them included. */
  readonly completionTokens: number;
}

/** A further piece of a choice. */
export interface ChoiceDelta {
  readonly choice: number;
  readonly text: string;
  readonly tokens: readonly RatedToken[];
}

/** What a process has done so far. */
export interface Counters {
  /** Runs of the network. */
  readonly runs: number;
  /** Tokens sampled. */
  readonly tokens: number;
  /** Games played to their ends. */
  readonly games: number;
  /** Bytes of memory that it has now. */
  readonly memory: number;
}

type Task<Type, Given> = { readonly type: Type } & Given;

/** What a model is asked for. */
export interface InferenceCalls {
  /** Parts: a game, one at a time, since a batch of long ones would hold up the server while it is read; how many ended. */
  readonly evaluate: RequestSpec<Task<'evaluate', EvaluationTask>, Evaluation, Episode | number>;
  readonly rollout: RequestSpec<Task<'rollout', RolloutTask>, Episode>;
  readonly chat: RequestSpec<Task<'chat', ChatTask>, ChatAnswer, ChoiceDelta>;
}

export type InferenceType = keyof InferenceCalls;

export interface ModelSetup {
  readonly source: ModelOrigin;
  readonly device: Device | 'auto';
  readonly threads: number | undefined;
}

export interface ModelCalls extends InferenceCalls {
  /**
   * The part: the bytes that the weights will take in memory, now that their files are here. It waits for `accept` before
   * it reads them. Requests may come before the model is open; they fail with it.
   */
  readonly open: RequestSpec<Task<'open', ModelSetup>, { readonly warnings: readonly string[] }, number>;
}

/** `accept`: there is room for the weights that it told of. */
export type ToModelProcess = RequestMessage<ModelCalls> | { readonly type: 'accept' };

/** `alive` comes every second while the process is not computing. */
export type FromModelProcess = ReplyMessage<ModelCalls> | { readonly type: 'alive'; readonly counters: Counters };
