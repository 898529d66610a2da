// POST /v1/chat/completions: one conversation in, one answer out, whole or as it is written.

import { randomInt, randomUUID } from 'node:crypto';
import { type ChatCompletionRequest, chatRequest } from '@ludic/service';
import type { Context, Env, Handler } from 'hono';
import { streamSSE } from 'hono/streaming';
import type { z } from 'zod';
import type { ModelOrigin } from '../models/model-source.ts';
import { CompletionChunks, type CompletionHead, chatTask, completion } from './chat.ts';
import type { InferencePool } from './pool.ts';
import type { ChatAnswer, ChoiceDelta } from './protocol.ts';
import { UnsentDeltas } from './unsent-deltas.ts';

interface ChatRouteOptions<E extends Env> {
  /** What a client means by `model`. Its errors are the app's to answer. */
  readonly resolveModel: (model: string) => Promise<ModelOrigin>;
  /** The error of a request that is wrong, for the app to answer. */
  readonly refuse: (error: z.ZodError) => Error;
  /** What a stream that has begun says of an error, under `error`. */
  readonly explain: (error: unknown, context: Context<E>) => object;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
}

/** Errors before the first piece of an answer are thrown, for the app to answer with their status. */
export function chatCompletions<E extends Env>(
  pool: Pick<InferencePool, 'chat'>,
  options: ChatRouteOptions<E>,
): Handler<E> {
  const { resolveModel, refuse, now = Date.now } = options;
  return async (context) => {
    const body: unknown = await context.req.json().catch(() => undefined);
    const parsed = chatRequest.safeParse(body);
    if (!parsed.success) throw refuse(parsed.error);
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
  request: ChatCompletionRequest,
  { explain }: ChatRouteOptions<E>,
  chat: (onDelta: (delta: ChoiceDelta) => void, gone: AbortSignal) => Promise<ChatAnswer>,
): Promise<Response> {
  const chunks = new CompletionChunks(head, request);
  const gone = new AbortController();
  const unsent = new UnsentDeltas();
  let wake = () => {};
  let answer: { readonly whole: ChatAnswer } | { readonly error: unknown } | undefined;
  const begun = new Promise<void>((resolve) => {
    wake = resolve;
  });
  void chat((delta) => {
    unsent.add(delta);
    wake();
  }, gone.signal).then(
    (whole) => {
      answer = { whole };
      wake();
    },
    (error) => {
      answer = { error };
      wake();
    },
  );
  await begun;
  if (answer && 'error' in answer && unsent.isEmpty) throw answer.error;
  return streamSSE(context, async (sse) => {
    sse.onAbort(() => gone.abort());
    for (;;) {
      const more = new Promise<void>((resolve) => {
        wake = resolve;
      });
      // A client that reads slowly holds up this loop; what is sampled meanwhile comes to it in larger pieces.
      for (const delta of unsent.take())
        for (const chunk of chunks.of(delta)) await sse.writeSSE({ data: JSON.stringify(chunk) });
      if (!unsent.isEmpty) continue;
      if (answer) break;
      await more;
    }
    if ('error' in answer) {
      if (!gone.signal.aborted) await sse.writeSSE({ data: JSON.stringify({ error: explain(answer.error, context) }) });
      return;
    }
    for (const chunk of chunks.end(answer.whole)) await sse.writeSSE({ data: JSON.stringify(chunk) });
    await sse.writeSSE({ data: '[DONE]' });
  });
}
