// Answers in OpenAI's format, whole or in pieces.

import type { Generation, RatedToken, TokenLogprob } from '@ludic/inference';
import type { ToolCall } from '@ludic/models';
import { deriveSeed } from '@ludic/random';
import type { ChatChoice } from './reply.ts';
import type { ChatCompletionRequest } from './request.ts';

/** The replies to one request, and what they cost. */
export interface ChatAnswer {
  readonly choices: readonly ChatChoice[];
  readonly promptTokens: number;
  /** Of all choices, what ended them included. */
  readonly completionTokens: number;
  /** Where they were wanted. */
  readonly promptTokenIds?: readonly number[];
}

/** A further piece of a choice. */
export interface ChoiceDelta {
  readonly choice: number;
  readonly text: string;
  readonly tokens: readonly RatedToken[];
}

/** What all parts of one answer have in common. */
export interface CompletionHead {
  readonly id: string;
  /** Seconds since 1970. */
  readonly created: number;
  readonly model: string;
}

const usageOf = ({ promptTokens, completionTokens }: ChatAnswer) => ({
  prompt_tokens: promptTokens,
  completion_tokens: completionTokens,
  total_tokens: promptTokens + completionTokens,
});

/** The whole answer to a request. */
export function completion(head: CompletionHead, answer: ChatAnswer, request: Pick<ChatCompletionRequest, 'logprobs'>) {
  return {
    ...head,
    object: 'chat.completion' as const,
    choices: answer.choices.map((choice, index) => ({
      index,
      message: messageOf(head, choice, index),
      finish_reason: finishOf(choice),
      logprobs: request.logprobs ? logprobsOf(choice.tokens) : null,
      ...idsOf(choice),
    })),
    usage: usageOf(answer),
    system_fingerprint: null,
    ...promptIdsOf(answer),
  };
}

function messageOf(head: CompletionHead, { text, toolCalls = [] }: ChatChoice, index: number) {
  const message = { role: 'assistant' as const, content: text, refusal: null };
  if (toolCalls.length === 0) return message;
  return { ...message, content: text || null, tool_calls: callsJson(head, toolCalls, index) };
}

/** A reply that was cut off at its limit says so, whether or not it holds calls. */
const finishOf = ({ finish, toolCalls = [] }: ChatChoice): Generation['finish'] | 'tool_calls' =>
  finish === 'stop' && toolCalls.length > 0 ? 'tool_calls' : finish;

/**
 * Calls with their ids. One without an id, or with that of another, gets an id that no call of any other answer has: nine
 * letters and digits, as Mistral's templates want.
 */
function callsJson({ id: answer }: CompletionHead, calls: readonly ToolCall[], choice: number) {
  const taken = new Set<string>();
  return calls.map(({ id: given, name, arguments: text }, place) => {
    const id = given === undefined || taken.has(given) ? madeId(answer, choice, place) : given;
    taken.add(id);
    return { id, type: 'function' as const, function: { name, arguments: text } };
  });
}

const madeId = (answer: string, choice: number, place: number): string =>
  (deriveSeed('tool call', answer, choice, place) % 36 ** 9).toString(36).padStart(9, '0');

/** Under vLLM's names. */
const idsOf = ({ tokenIds }: ChatChoice) => tokenIds && { token_ids: tokenIds };
const promptIdsOf = ({ promptTokenIds }: ChatAnswer) => promptTokenIds && { prompt_token_ids: promptTokenIds };

/** The pieces of a streamed answer, but for the last word `[DONE]`. */
export class CompletionChunks {
  readonly #head: CompletionHead;
  readonly #withLogprobs: boolean;
  readonly #withUsage: boolean;
  readonly #begun = new Set<number>();

  constructor(head: CompletionHead, request: Pick<ChatCompletionRequest, 'logprobs' | 'stream_options'>) {
    const { logprobs, stream_options } = request;
    this.#head = head;
    this.#withLogprobs = logprobs ?? false;
    this.#withUsage = stream_options?.include_usage ?? false;
  }

  of({ choice, text, tokens }: ChoiceDelta): object[] {
    return [
      ...this.#begin(choice),
      this.#chunk([this.#choice(choice, { content: text }, null, this.#withLogprobs ? logprobsOf(tokens) : null)]),
    ];
  }

  /** Calls come whole; what remained of their texts has come with `of`. */
  end(answer: ChatAnswer): object[] {
    const ends = answer.choices.flatMap((choice, index) => [
      ...this.#begin(index),
      ...this.#calls(choice, index),
      this.#chunk(
        [{ ...this.#choice(index, {}, finishOf(choice), null), ...idsOf(choice) }],
        null,
        index === 0 ? promptIdsOf(answer) : {},
      ),
    ]);
    return this.#withUsage ? [...ends, this.#chunk([], usageOf(answer))] : ends;
  }

  #calls({ toolCalls = [] }: ChatChoice, index: number): object[] {
    if (toolCalls.length === 0) return [];
    const calls = callsJson(this.#head, toolCalls, index).map((call, i) => ({ index: i, ...call }));
    return [this.#chunk([this.#choice(index, { tool_calls: calls }, null, null)])];
  }

  #begin(choice: number): object[] {
    if (this.#begun.has(choice)) return [];
    this.#begun.add(choice);
    return [this.#chunk([this.#choice(choice, { role: 'assistant', content: '' }, null, null)])];
  }

  #choice(index: number, delta: object, finish: string | null, logprobs: object | null) {
    return { index, delta, finish_reason: finish, logprobs };
  }

  #chunk(choices: readonly object[], usage: object | null = null, more: object = {}): object {
    const { id, created, model } = this.#head;
    return {
      id,
      object: 'chat.completion.chunk',
      created,
      model,
      choices,
      system_fingerprint: null,
      ...(this.#withUsage && { usage }),
      ...more,
    };
  }
}

const logprobsOf = (tokens: readonly RatedToken[]) => ({
  content: tokens.map((token) => ({ ...chanceJson(token), top_logprobs: token.alternatives.map(chanceJson) })),
  refusal: null,
});

/** Parts of characters have no text of their own, so their bytes are not known. */
const chanceJson = ({ text, logprob }: TokenLogprob) => ({
  token: text,
  logprob,
  bytes: text.includes('\ufffd') ? null : [...new TextEncoder().encode(text)],
});
