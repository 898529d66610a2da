// POST /v1/chat/completions: one conversation in, one answer out, whole or as it is written.

import { randomInt, randomUUID } from 'node:crypto';
import { type ChatRequest, chatRequest } from '@ludic/service';
import type { Context, Env, Handler } from 'hono';
import { streamSSE } from 'hono/streaming';
import type { ModelSource } from '../models/model-source.ts';
import { CompletionChunks, type CompletionHead, chatTask, completion } from './chat.ts';
import type { InferencePool } from './pool.ts';
import type { ChatAnswer, ChatDelta } from './protocol.ts';

export interface ChatRouteOptions<E extends Env> {
  /** What a client means by `model`. Its errors are the app's to answer. */
  readonly resolveModel: (model: string) => Promise<ModelSource>;
  /** The error of a request that is wrong, for the app to answer. */
  readonly refuse: (message: string, details: readonly { readonly field: string; readonly message: string }[]) => Error;
  /** What a stream that has begun says of an error, under `error`. */
  readonly explain: (error: unknown, context: Context<E>) => object;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
}

/** Complaints about one request. */
const MOST_DETAILS = 50;

/** Errors before the first piece of an answer are thrown, for the app to answer with their status. */
export function chatCompletions<E extends Env>(
  pool: Pick<InferencePool, 'chat'>,
  options: ChatRouteOptions<E>,
): Handler<E> {
  const { resolveModel, refuse, now = Date.now } = options;
  return async (context) => {
    const body: unknown = await context.req.json().catch(() => {
      throw refuse('The body is no JSON.', []);
    });
    const parsed = chatRequest.safeParse(body);
    if (!parsed.success) {
      const details = parsed.error.issues
        .slice(0, MOST_DETAILS)
        .map(({ path, message }) => ({ field: path.join('.'), message }));
      throw refuse('The request cannot be used.', details);
    }
    const request = parsed.data;
    const source = await resolveModel(request.model);
    const head = { id: `chatcmpl-${randomUUID()}`, created: Math.floor(now() / 1000), model: request.model };
    const task = chatTask(request, () => randomInt(2 ** 31));
    const { signal } = context.req.raw;
    if (!task.stream)
      return context.json(completion(head, await pool.chat(source, task, { signal }), request.logprobs ?? false));
    return stream(context, head, request, options, (onDelta, gone) =>
      pool.chat(source, task, { signal: AbortSignal.any([signal, gone]), onDelta }),
    );
  };
}

async function stream<E extends Env>(
  context: Context<E>,
  head: CompletionHead,
  request: ChatRequest,
  { explain }: ChatRouteOptions<E>,
  chat: (onDelta: (delta: ChatDelta) => void, gone: AbortSignal) => Promise<ChatAnswer>,
): Promise<Response> {
  const chunks = new CompletionChunks(head, request);
  const gone = new AbortController();
  const waiting: object[] = [];
  let wake = () => {};
  let answer: { readonly chunks: readonly object[] } | { readonly error: unknown } | undefined;
  const begun = new Promise<void>((resolve) => {
    wake = resolve;
  });
  void chat((delta) => {
    waiting.push(...chunks.of(delta));
    wake();
  }, gone.signal).then(
    (whole) => {
      answer = { chunks: chunks.end(whole) };
      wake();
    },
    (error) => {
      answer = { error };
      wake();
    },
  );
  await begun;
  if (answer && 'error' in answer && waiting.length === 0) throw answer.error;
  return streamSSE(context, async (sse) => {
    sse.onAbort(() => gone.abort());
    for (;;) {
      const more = new Promise<void>((resolve) => {
        wake = resolve;
      });
      for (const chunk of waiting.splice(0)) await sse.writeSSE({ data: JSON.stringify(chunk) });
      if (waiting.length > 0) continue;
      if (answer) break;
      await more;
    }
    if ('error' in answer) {
      if (!gone.signal.aborted) await sse.writeSSE({ data: JSON.stringify({ error: explain(answer.error, context) }) });
      return;
    }
    for (const chunk of answer.chunks) await sse.writeSSE({ data: JSON.stringify(chunk) });
    await sse.writeSSE({ data: '[DONE]' });
  });
}
