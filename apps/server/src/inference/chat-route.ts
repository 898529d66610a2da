// POST /v1/chat/completions: one conversation in, one answer out, whole or as it is written.

import { randomInt, randomUUID } from 'node:crypto';
import {
  type ChatAnswer,
  type ChatCompletionRequest,
  type ChoiceDelta,
  CompletionChunks,
  chatTask,
  completion,
} from '@ludic/chat';
import type { Context } from 'hono';
import { streamSSE } from 'hono/streaming';
import type { ModelOrigin } from '../models/model-source.ts';
import type { InferencePool } from './pool.ts';
import { UnsentDeltas } from './unsent-deltas.ts';

/**
 * Errors before the first piece of an answer are thrown, for the app to answer with their status.
 * @param explain what a stream that has begun says of an error, under `error`
 */
export async function answerChat(
  pool: Pick<InferencePool, 'chat'>,
  source: ModelOrigin,
  request: ChatCompletionRequest,
  context: Context,
  explain: (error: unknown) => object,
): Promise<Response> {
  const head = { id: `chatcmpl-${randomUUID()}`, created: Math.floor(Date.now() / 1000), model: request.model };
  const task = chatTask(request, () => randomInt(2 ** 31));
  const { signal } = context.req.raw;
  if (!task.stream) return context.json(completion(head, await pool.chat(source, task, { signal }), request));
  const chunks = new CompletionChunks(head, request);
  const gone = new AbortController();
  const unsent = new UnsentDeltas();
  let wake = () => {};
  let answer: { readonly whole: ChatAnswer } | { readonly error: unknown } | undefined;
  const begun = new Promise<void>((resolve) => {
    wake = resolve;
  });
  const onDelta = (delta: ChoiceDelta) => {
    unsent.add(delta);
    wake();
  };
  void pool.chat(source, task, { signal: AbortSignal.any([signal, gone.signal]), onDelta }).then(
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
      if (!gone.signal.aborted) await sse.writeSSE({ data: JSON.stringify({ error: explain(answer.error) }) });
      return;
    }
    for (const chunk of chunks.end(answer.whole)) await sse.writeSSE({ data: JSON.stringify(chunk) });
    await sse.writeSSE({ data: '[DONE]' });
  });
}
