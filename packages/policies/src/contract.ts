// Who answers a prompt. A policy gets a batch of prompts, one per running episode, and gives one reply for each.

import type { Environment } from '@ludic/environments';
import type { Message } from '@ludic/history';
import type { Generation, Prompt } from '@ludic/inference';
import type { ToolFormat } from '@ludic/models';

/** A prompt that comes up in a game. */
export interface GamePrompt extends Prompt {
  readonly messages: readonly Message[];
  /** The identity of the episode: one object for all of its turns, for players with a memory. */
  readonly episode: object;
  /** The running game, for scripted players. Language models never look at it. */
  readonly environment: Environment;
  /** What is asked in place of `messages`, which say it in plain turns then. */
  readonly request?: PolicyRequest;
}

/** What an agent asks of the policy: a conversation of its own making, with tools. */
export interface PolicyRequest extends Pick<Prompt, 'messages' | 'tools'> {
  /** Most tokens of the reply; the policy's own limit holds beside it. */
  readonly maxCompletionLength?: number;
  /** Texts that end the reply, beside those of the policy. */
  readonly stop?: readonly string[];
}

/** A reply; tokens are present where a language model has sampled it here. */
export type Reply = Omit<Generation, 'tokens'> &
  Partial<Pick<Generation, 'tokens'>> & {
    /** The text with the marks of tool calls, and how the model writes them, where the request had tools. */
    readonly toolText?: { readonly text: string; readonly format: ToolFormat };
  };

/**
 * No reply to this prompt, for good; the other games go on. `failed`: its game has failed. `context_full`: the prompt and
 * a reply do not fit the context of the model, which ends the game as a step limit would.
 */
export interface NoReply {
  readonly finish: 'failed' | 'context_full';
  /** Why, in one sentence. */
  readonly error: string;
}

/** Whether a prompt was answered: false for `failed` and `context_full`. */
export const isReply = (reply: Reply | NoReply): reply is Reply =>
  reply.finish !== 'failed' && reply.finish !== 'context_full';

/** How a policy is stopped while it answers. */
export interface ActOptions {
  /** Where a policy waits for others, it stops waiting and rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** A player: a language model, an endpoint or a script. It gives each prompt one reply, or says why there is none. */
export interface Policy {
  /** For people, in messages and logs. */
  readonly name: string;
  /**
   * One reply per prompt, in order. A reply depends on its own prompt and stream, not on its neighbours. Rejects where
   * no other prompt would fare better.
   */
  act(prompts: readonly GamePrompt[], options?: ActOptions): Promise<(Reply | NoReply)[]>;
  /** Frees what the policy itself has opened; it cannot act afterwards. */
  dispose(): void;
}

/**
 * Replies of a model with a context: a conversation that has outgrown it ends its own game, and no other.
 * @param overflowOf why a prompt does not fit; undefined where it does
 * @param answer replies to the prompts that fit, in their order
 */
export async function answerFitting(
  prompts: readonly GamePrompt[],
  overflowOf: (prompt: GamePrompt) => string | undefined,
  answer: (fitting: readonly GamePrompt[]) => Promise<readonly Reply[]>,
): Promise<(Reply | NoReply)[]> {
  const overflows = prompts.map(overflowOf);
  const fitting = prompts.filter((_, i) => overflows[i] === undefined);
  const replies = (await answer(fitting)).values();
  return overflows.map((error) => (error === undefined ? replies.next().value! : { finish: 'context_full', error }));
}
