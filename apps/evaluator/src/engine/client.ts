// The page's side of the engine. The worker is started at the first request.

import { LudicError } from '@ludic/io';
import type { Answers, Failure, FromEngine, Progress, Request, RequestOf, ToEngine } from './protocol.ts';

/** An engine's failure as an error of the page. `code` is that of the failure. */
export class EngineError extends LudicError implements Failure {
  override readonly name = 'EngineError';
  constructor({ code, message }: Failure) {
    super(code, message);
  }
}

/** How a request is followed and cancelled. */
export interface AskOptions {
  readonly onProgress?: (progress: Progress) => void;
  readonly signal?: AbortSignal;
}

/** A request that was sent and has no answer yet. */
interface PendingRequest {
  readonly resolve: (answer: Answers[Request['type']]) => void;
  readonly reject: (error: EngineError) => void;
  readonly onProgress: (progress: Progress) => void;
}

/**
 * Requests to the worker, each with an id of its own. A worker that dies rejects all of them; the next request starts
 * another.
 */
export class Engine {
  readonly #pending = new Map<number, PendingRequest>();
  #worker: Worker | undefined;
  #lastId = 0;

  /** @throws EngineError; `cancelled` after the signal */
  ask<Type extends Request['type']>(
    request: RequestOf<Type>,
    { onProgress = () => {}, signal }: AskOptions = {},
  ): Promise<Answers[Type]> {
    const id = ++this.#lastId;
    const worker = (this.#worker ??= this.#start());
    const answer = new Promise<Answers[Request['type']]>((resolve, reject) => {
      this.#pending.set(id, { resolve, reject, onProgress });
    });
    const cancel = () => worker.postMessage({ kind: 'cancel', id } satisfies ToEngine);
    worker.postMessage({ kind: 'ask', id, request } satisfies ToEngine);
    if (signal?.aborted) cancel();
    signal?.addEventListener('abort', cancel);
    // The answer to a request is of the request's type: the table of handlers says so.
    return answer.finally(() => signal?.removeEventListener('abort', cancel)) as Promise<Answers[Type]>;
  }

  #start(): Worker {
    const worker = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module', name: 'engine' });
    worker.addEventListener('message', ({ data }: MessageEvent<FromEngine>) => this.#receive(data));
    worker.addEventListener('error', (event) => {
      // A worker that did not start, or whose memory is at an end: the next question starts another.
      event.preventDefault();
      worker.terminate();
      if (this.#worker === worker) this.#worker = undefined;
      const message = `The engine stopped: ${event.message || 'it could not be loaded'}. Try again.`;
      for (const { reject } of this.#pending.values()) reject(new EngineError({ code: 'engine_stopped', message }));
      this.#pending.clear();
    });
    return worker;
  }

  #receive(message: FromEngine): void {
    const pending = this.#pending.get(message.id);
    if (!pending) return;
    if (message.kind === 'progress') {
      pending.onProgress(message.progress);
      return;
    }
    this.#pending.delete(message.id);
    if (message.kind === 'answer') pending.resolve(message.answer);
    else pending.reject(new EngineError(message.failure));
  }
}
