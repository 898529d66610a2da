// OpenAI's chat completions to tasks, and answers back. Pure: who asks and who answers is elsewhere.

import type { Message } from '@ludic/history';
import { z } from 'zod';
import type { ChatAnswer, ChatDelta, ChatTask, ChatToken, TokenChance } from './protocol.ts';

const textPart = z.object({ type: z.literal('text'), text: z.string() });
const content = z.union([z.string(), z.array(textPart)], {
  error: 'A text is needed, or a list of parts of type text: the models here read nothing else.',
});
const message = z.discriminatedUnion(
  'role',
  [
    z.object({ role: z.enum(['system', 'developer', 'user']), content }),
    z.object({ role: z.literal('assistant'), content: content.nullish() }),
  ],
  { error: 'A role is needed: system, developer, user or assistant.' },
);

/** Fields of the shape that would change an answer, and that no model here can honour. */
const UNSUPPORTED = [
  'tools',
  'tool_choice',
  'functions',
  'function_call',
  'audio',
  'modalities',
  'response_format',
  'logit_bias',
  'frequency_penalty',
  'presence_penalty',
  'prediction',
  'web_search_options',
] as const;

/** What those fields may say, since it asks for nothing. */
const HARMLESS = new Set(['null', '0', '[]', '{}', '"none"', '"auto"', '["text"]', '{"type":"text"}']);

/** Replies to one request. */
export const MOST_CHOICES = 16;

/** Fields that nobody here knows are let pass, as other servers do. */
export const chatRequest = z
  .looseObject({
    model: z.string().min(1).max(300).describe('as in model_path of POST /evaluate-policy'),
    messages: z.array(message).min(1).max(10_000),
    temperature: z.number().min(0).max(100).nullish().describe('default: 1; 0 takes the most likely token'),
    top_p: z.number().gt(0).max(1).nullish().describe('default: 1'),
    top_k: z.int().min(0).nullish().describe('not of OpenAI; default: 0, which keeps all'),
    max_tokens: z.int().min(1).max(1_000_000).nullish(),
    max_completion_tokens: z.int().min(1).max(1_000_000).nullish().describe('the newer name of max_tokens'),
    stop: z
      .union([z.string().min(1), z.array(z.string().min(1)).max(16)])
      .nullish()
      .describe('texts that end a reply and are no part of it'),
    n: z.int().min(1).max(MOST_CHOICES).nullish().describe('replies; default: 1'),
    seed: z.int().nullish().describe('the same seed gives the same replies'),
    logprobs: z.boolean().nullish().describe('natural log-probabilities of the model itself, at temperature 1'),
    top_logprobs: z.int().min(0).max(20).nullish(),
    stream: z.boolean().nullish(),
    stream_options: z.looseObject({ include_usage: z.boolean().nullish() }).nullish(),
    user: z.string().nullish(),
  })
  .superRefine((request, context) => {
    for (const field of UNSUPPORTED) {
      const value = request[field];
      if (value === undefined || HARMLESS.has(JSON.stringify(value))) continue;
      context.addIssue({ code: 'custom', path: [field], message: 'The models here cannot do that; leave it out.' });
    }
    if (request.top_logprobs != null && !request.logprobs)
      context.addIssue({ code: 'custom', path: ['top_logprobs'], message: 'logprobs: true is needed with it.' });
  })
  .meta({ id: 'ChatRequest' });
export type ChatRequest = z.infer<typeof chatRequest>;

/** @param randomSeed for requests without one */
export function chatTask(request: ChatRequest, randomSeed: () => number): ChatTask {
  const limit = request.max_completion_tokens ?? request.max_tokens;
  const stop = request.stop ?? [];
  return {
    messages: request.messages.map(toMessage),
    sampling: {
      temperature: request.temperature ?? 1,
      topP: request.top_p ?? 1,
      topK: request.top_k ?? 0,
      ...(limit != null && { maxCompletionLength: limit }),
    },
    stop: typeof stop === 'string' ? [stop] : stop,
    seed: request.seed ?? randomSeed(),
    choices: request.n ?? 1,
    ...(request.logprobs && { alternatives: request.top_logprobs ?? 0 }),
    stream: request.stream ?? false,
  };
}

function toMessage({ role, content: given }: ChatRequest['messages'][number]): Message {
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

export const usageOf = ({ promptTokens, completionTokens }: ChatAnswer) => ({
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
  };
}

/** The pieces of a streamed answer, but for the last word `[DONE]`. */
export class CompletionChunks {
  readonly #head: CompletionHead;
  readonly #withLogprobs: boolean;
  readonly #withUsage: boolean;
  readonly #begun = new Set<number>();

  constructor(head: CompletionHead, { logprobs, stream_options }: ChatRequest) {
    this.#head = head;
    this.#withLogprobs = logprobs ?? false;
    this.#withUsage = stream_options?.include_usage ?? false;
  }

  of({ choice, text, tokens }: ChatDelta): object[] {
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
      ...(this.#withUsage && { usage }),
    };
  }
}

const logprobsOf = (tokens: readonly ChatToken[]) => ({
  content: tokens.map((token) => ({ ...chanceJson(token), top_logprobs: token.alternatives.map(chanceJson) })),
  refusal: null,
});

/** Parts of characters have no text of their own, so their bytes are not known. */
const chanceJson = ({ text, logprob }: TokenChance) => ({
  token: text,
  logprob,
  bytes: text.includes('\ufffd') ? null : [...new TextEncoder().encode(text)],
});
