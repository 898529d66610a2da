// What the server asks of a process that holds a model, and what that answers. Plain data: it travels by structured clone.

import type { ChatAnswer, ChatTask, ChoiceDelta } from '@ludic/chat';
import type { GameFile } from '@ludic/environments/node';
import type { SamplingParams } from '@ludic/inference';
import type { ReplyMessage, RequestMessage, RequestSpec } from '@ludic/io';
import type { EnvironmentSpec, Episode, Evaluation } from '@ludic/rollouts';
import type { Device } from '@ludic/runtime';
import type { EvaluatePolicy, GenerateRollout } from '@ludic/service';
import { type CompletePlaying, playedGame } from '@ludic/service/internal';
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
  /** Whether it lets requests go first, as a job does. */
  readonly background: boolean;
}

/** What comes of an evaluation before its numbers. */
export type EvaluationPart =
  /** What the model's files say that is not heeded; before the first game. */
  | { readonly type: 'warning'; readonly message: string }
  /** A game as clients get it, in JSON, in the order of the games. One at a time: many long ones would hold up the server. */
  | { readonly type: 'game'; readonly json: string }
  /** How many have ended. */
  | { readonly type: 'played'; readonly games: number };

/** The game and the sampling of a request, the same whether it is answered at once or as a job. */
export function requestedPlay(request: CompletePlaying<EvaluatePolicy | GenerateRollout>): Omit<RolloutTask, 'seed'> {
  const { temperature, top_k: topK, top_p: topP, max_tokens: maxCompletionLength } = request.sampling_params;
  return {
    environment: request.env_type,
    config: playedGame(request),
    history: request.history_strategy,
    sampling: { temperature: temperature!, topK, topP, maxCompletionLength },
  };
}

/**
 * Maximum of tokens of a reply without a limit in the request. With one, a reply may fill what the prompt leaves of the
 * context.
 */
export const LONGEST_REPLY = 1024;

export interface Evaluated {
  readonly evaluation: Evaluation;
  /** Each as JSON, in the order of their numbers; empty where they were not wanted. */
  readonly games: readonly string[];
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
  readonly evaluate: RequestSpec<Task<'evaluate', EvaluationTask>, Evaluation, EvaluationPart>;
  readonly rollout: RequestSpec<Task<'rollout', RolloutTask>, Episode>;
  readonly chat: RequestSpec<Task<'chat', ChatTask>, ChatAnswer, ChoiceDelta>;
}

export type InferenceType = keyof InferenceCalls;

export interface ModelSetup {
  readonly source: ModelOrigin;
  readonly device: Device | 'auto';
  readonly threads: number | undefined;
  /** Of the server. */
  readonly games: readonly GameFile[];
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
