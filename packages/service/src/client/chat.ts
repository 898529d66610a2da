// Chat completions of the server's models, as a stream of pieces.

import type { Connection } from './connection.ts';
import { ClientError } from './errors.ts';
import { EventStreamParser } from './event-stream.ts';

/** What a chat asks for. */
export interface ChatRequest {
  /** As `model_path` elsewhere. */
  readonly model: string;
  readonly messages: readonly { readonly role: 'system' | 'user' | 'assistant'; readonly content: string }[];
  readonly temperature?: number;
  readonly top_p?: number;
  readonly max_tokens?: number;
  readonly seed?: number;
  readonly stop?: string | readonly string[];
}

/** A piece of a streamed reply. */
export interface ChatDelta {
  readonly text: string;
  /** `stop` or `length` with the last piece. */
  readonly finish: string | undefined;
}

const PATH = '/v1/chat/completions';
/** Milliseconds. A model may have to be loaded before its first token. */
const REST = 300_000;

/** Streams one reply. @throws ServiceError, ClientError; the signal's reason */
export async function* streamChat(
  connection: Connection,
  request: ChatRequest,
  { signal }: { readonly signal?: AbortSignal },
): AsyncGenerator<ChatDelta, void, void> {
  const answer = await connection.withRetries(signal, false, () =>
    connection.open({ method: 'post', path: PATH, body: { ...request, stream: true }, signal, usualMs: REST }),
  );
  const parser = new EventStreamParser();
  for await (const chunk of answer.chunks(REST)) {
    for (const { data } of parser.push(chunk)) {
      if (data === '[DONE]') return;
      yield deltaOf(data, answer.url);
    }
  }
  throw new ClientError('unreachable', `${answer.url} broke off before the reply was whole.`);
}

interface CompletionChunk {
  readonly choices?: readonly {
    readonly delta?: { readonly content?: unknown };
    readonly finish_reason?: unknown;
  }[];
  readonly error?: { readonly message?: unknown };
}

function deltaOf(data: string, url: string): ChatDelta {
  let piece: CompletionChunk;
  try {
    piece = JSON.parse(data) ?? {};
  } catch {
    throw new ClientError('bad_answer', `${url} sends a piece of a reply that is no JSON.`);
  }
  if (typeof piece.error?.message === 'string') throw new ClientError('bad_answer', piece.error.message);
  const choice = piece.choices?.[0];
  const { content } = choice?.delta ?? {};
  const finish = choice?.finish_reason;
  return {
    text: typeof content === 'string' ? content : '',
    finish: typeof finish === 'string' ? finish : undefined,
  };
}
