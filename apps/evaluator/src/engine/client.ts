// The page's side of the engine. The worker is started at the first request.

import { LudicError, postChannel, type ReplyMessage, type RequestMessage, Requests } from '@ludic/io';
import type { EngineCalls, Progress, Request, RequestOf } from './protocol.ts';

/** How a request is followed and cancelled. */
export interface AskOptions {
  readonly onProgress?: (progress: Progress) => void;
  readonly signal?: AbortSignal;
}

/** Requests to the worker. A worker that dies rejects all of them; the next request starts another. */
export class Engine {
  readonly #games: string | undefined;
  #requests: Requests<EngineCalls> | undefined;

  /** @param games address of games that the worker has to know beside Ludic's own */
  constructor(games?: string) {
    this.#games = games;
  }

  /** @throws LudicError, by the code of a package's error; `cancelled` after the signal, `gone`, `fault` or `engine_stopped` */
  ask<Type extends Request['type']>(
    request: RequestOf<Type>,
    { onProgress, signal }: AskOptions = {},
  ): Promise<EngineCalls[Type]['answer']> {
    this.#requests ??= this.#start();
    return this.#requests.ask<Type>(request, { onPart: onProgress, signal });
  }

  #start(): Requests<EngineCalls> {
    // Its name is all that a worker knows before it hears anything.
    const name = this.#games ?? 'engine';
    const worker = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module', name });
    const channel = postChannel<RequestMessage<EngineCalls>, ReplyMessage<EngineCalls>>(worker);
    const requests = new Requests<EngineCalls>(channel.send);
    channel.listen((message) => requests.hear(message));
    worker.addEventListener('error', (event) => {
      // A worker that did not start, or whose memory is at an end: the next request starts another.
      event.preventDefault();
      worker.terminate();
      if (this.#requests === requests) this.#requests = undefined;
      const message = `The engine stopped: ${event.message || 'it could not be loaded'}. Try again.`;
      requests.fail(new LudicError('engine_stopped', message));
    });
    return requests;
  }
}
