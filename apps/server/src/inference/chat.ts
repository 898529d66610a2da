// From chat completions in OpenAI's format to tasks, and from answers back to that format. Pure functions.

import type { Message } from '@ludic/history';
import type { RatedToken, TokenLogprob } from '@ludic/inference';
import type { ChatCompletionRequest } from '@ludic/service';
import type { ChatAnswer, ChatTask, ChoiceDelta } from './protocol.ts';

/** @param randomSeed for requests without one */
export function chatTask(request: ChatCompletionRequest, randomSeed: () => number): ChatTask {
  const limit = request.max_completion_tokens ?? request.max_tokens;
  const stop = request.stop ?? [];
  return {
    messages: request.messages.map(toMessage),
    sampling: {
      temperature: request.temperature ?? 1,
      topP: request.top_p ?? 1,
      topK: Math.max(0, request.top_k ?? 0),
      ...(limit != null && { maxCompletionLength: limit }),
    },
    stop: typeof stop === 'string' ? [stop] : stop,
    keepStop: request.include_stop_str_in_output ?? false,
    seed: request.seed ?? randomSeed(),
    choices: request.n ?? 1,
    ...(request.logprobs && { alternatives: request.top_logprobs ?? 0 }),
    stream: request.stream ?? false,
  };
}

function toMessage({ role, content: given }: ChatCompletionRequest['messages'][number]): Message {
  const text = typeof given === 'string' ? given : (given ?? []).map((part) => part.text).join('');
  return { role: role === 'developer' ? 'system' : role, content: text };
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

/** The whole answer. @param withLogprobs whether they were asked for */
export function completion(head: CompletionHead, answer: ChatAnswer, withLogprobs: boolean) {
  return {
    ...head,
    object: 'chat.completion' as const,
    choices: answer.choices.map(({ text, finish, tokens }, index) => ({
      index,
      message: { role: 'assistant' as const, content: text, refusal: null },
      finish_reason: finish,
      logprobs: withLogprobs ? logprobsOf(tokens) : null,
    })),
    usage: usageOf(answer),
    system_fingerprint: null,
  };
}

/** The pieces of a streamed answer, but for the last word `[DONE]`. */
export class CompletionChunks {
  readonly #head: CompletionHead;
  readonly #withLogprobs: boolean;
  readonly #withUsage: boolean;
  readonly #begun = new Set<number>();

  constructor(head: CompletionHead, { logprobs, stream_options }: ChatCompletionRequest) {
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

  end(answer: ChatAnswer): object[] {
    const ends = answer.choices.flatMap(({ finish }, choice) => [
      ...this.#begin(choice),
      this.#chunk([this.#choice(choice, {}, finish, null)]),
    ]);
    return this.#withUsage ? [...ends, this.#chunk([], usageOf(answer))] : ends;
  }

  #begin(choice: number): object[] {
    if (this.#begun.has(choice)) return [];
    this.#begun.add(choice);
    return [this.#chunk([this.#choice(choice, { role: 'assistant', content: '' }, null, null)])];
  }

  #choice(index: number, delta: object, finish: string | null, logprobs: object | null) {
    return { index, delta, finish_reason: finish, logprobs };
  }

  #chunk(choices: readonly object[], usage: object | null = null): object {
    const { id, created, model } = this.#head;
    return {
      id,
      object: 'chat.completion.chunk',
      created,
      model,
      choices,
      system_fingerprint: null,
      ...(this.#withUsage && { usage }),
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
