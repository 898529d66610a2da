// Requests and their answers over a channel: each has an id, may have parts before its answer, fails with an error of the
// other side, and may be cancelled. Both sides share one type of what can be asked.

import type { Send } from './channel.ts';
import { deserializeError, type SerializedError, serializeError } from './error.ts';

/** A request, the parts that may come before its answer, and the answer. */
export interface RequestSpec<Request, Answer, Part = never> {
  readonly request: Request;
  readonly answer: Answer;
  readonly part: Part;
}

/** What may be asked, by the type of the request. */
export type RequestSpecs<C> = { readonly [Type in keyof C]: RequestSpec<{ readonly type: Type }, unknown, unknown> };

/** A request of one type. */
export type TypedRequest<C extends RequestSpecs<C>, Type extends keyof C> = C[Type]['request'] & {
  readonly type: Type;
};

/** What the asking side says. */
export type RequestMessage<C extends RequestSpecs<C>> =
  | { readonly type: 'ask'; readonly id: number; readonly request: TypedRequest<C, keyof C> }
  | { readonly type: 'cancel'; readonly id: number };

/** What the answering side says: any number of parts, then an answer or a failure. */
export type ReplyMessage<C extends RequestSpecs<C>> =
  | { readonly type: 'part'; readonly id: number; readonly part: C[keyof C]['part'] }
  | { readonly type: 'answer'; readonly id: number; readonly answer: C[keyof C]['answer'] }
  | { readonly type: 'failure'; readonly id: number; readonly error: SerializedError };

/** How a request is followed and cancelled. */
export interface Following<Part> {
  readonly onPart?: ((part: Part) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Methods, since one map holds those of all types: the id says which type an answer is of. */
interface PendingRequest<C extends RequestSpecs<C>> {
  resolve(answer: C[keyof C]['answer']): void;
  reject(error: Error): void;
  onPart?(part: C[keyof C]['part']): void;
}

/** The asking side. Who listens to the channel hands on the replies, and keeps messages of other kinds. */
export class Requests<C extends RequestSpecs<C>> {
  readonly #send: Send<RequestMessage<C>>;
  readonly #pending = new Map<number, PendingRequest<C>>();
  #asked = 0;

  constructor(send: Send<RequestMessage<C>>) {
    this.#send = send;
  }

  /**
   * Asks the other side. A cancelled request, too, ends when that side has answered. One that ends without a word leaves
   * the promise open: what watches over its life says how it ended.
   * @throws what the other side met, by name, code and message
   */
  ask<Type extends keyof C>(
    request: TypedRequest<C, Type>,
    { onPart, signal }: Following<C[Type]['part']> = {},
  ): Promise<C[Type]['answer']> {
    const id = ++this.#asked;
    const answer = new Promise<C[Type]['answer']>((resolve, reject) => {
      this.#pending.set(id, { resolve, reject, ...(onPart && { onPart }) });
      this.#send({ type: 'ask', id, request }).catch(reject);
    });
    const cancel = () => void this.#send({ type: 'cancel', id });
    if (signal?.aborted) cancel();
    signal?.addEventListener('abort', cancel);
    return answer.finally(() => signal?.removeEventListener('abort', cancel));
  }

  /** Rejects all that is not answered: the other side is gone. */
  fail(error: Error): void {
    for (const { reject } of this.#pending.values()) reject(error);
    this.#pending.clear();
  }

  hear(message: ReplyMessage<C>): void {
    const pending = this.#pending.get(message.id);
    if (message.type === 'part') pending?.onPart?.(message.part);
    else if (message.type === 'answer') pending?.resolve(message.answer);
    else pending?.reject(deserializeError(message.error));
    if (message.type !== 'part') this.#pending.delete(message.id);
  }
}

/** What a handler has beside its request. */
export interface Answering<Part> {
  /** Sends a part; resolves when it is on its way, so that large parts need not wait in memory. */
  readonly report: (part: Part) => Promise<boolean>;
  /** Aborted when the request is cancelled. */
  readonly signal: AbortSignal;
}

/** What answers each type of request. */
export type Handlers<C extends RequestSpecs<C>> = {
  readonly [Type in keyof C]: (
    request: C[Type]['request'],
    answering: Answering<C[Type]['part']>,
  ) => Promise<C[Type]['answer']> | C[Type]['answer'];
};

/**
 * The answering side: each request gets one answer or one failure; requests do not wait for each other.
 * @param handlers requests wait where they are not there yet
 * @param describe the failure that is sent for an error, and what to do beside
 * @returns what hears the requests, beside which a channel may have other messages
 */
export function answerRequests<C extends RequestSpecs<C>>(
  send: Send<ReplyMessage<C>>,
  handlers: Handlers<C> | Promise<Handlers<C>>,
  describe: (error: unknown, signal: AbortSignal) => SerializedError = serializeError,
): (message: RequestMessage<C>) => void {
  const running = new Map<number, AbortController>();
  async function answer<Type extends keyof C>(id: number, request: TypedRequest<C, Type>) {
    const controller = new AbortController();
    const { signal } = controller;
    running.set(id, controller);
    try {
      const handle = (await handlers)[request.type];
      const report = (part: C[Type]['part']) => send({ type: 'part', id, part });
      await send({ type: 'answer', id, answer: await handle(request, { report, signal }) });
    } catch (error) {
      await send({ type: 'failure', id, error: describe(error, signal) });
    } finally {
      running.delete(id);
    }
  }
  return (message) => {
    if (message.type === 'cancel') running.get(message.id)?.abort();
    else void answer<keyof C>(message.id, message.request);
  };
}
