import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { type PostTarget, postChannel } from './channel.ts';
import { LudicError } from './error.ts';
import {
  answerRequests,
  type Handlers,
  type ReplyMessage,
  type RequestMessage,
  type RequestSpec,
  Requests,
} from './requests.ts';

interface TestCalls {
  readonly double: RequestSpec<{ readonly type: 'double'; readonly value: number }, number>;
  readonly count: RequestSpec<{ readonly type: 'count'; readonly to: number }, string, number>;
  readonly wait: RequestSpec<{ readonly type: 'wait' }, void>;
}

interface Note {
  readonly type: 'note';
}

const HANDLERS: Handlers<TestCalls> = {
  double: ({ value }) => 2 * value,
  count: async ({ to }, { report }) => {
    for (let i = 1; i <= to; i++) expect(await report(i)).toBe(true);
    if (to === 0) throw new LudicError('too_few', 'Count to one at least.');
    return 'done';
  },
  wait: (_, { signal }) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
};

const target = <In>(port: MessagePort): PostTarget<In> => ({
  postMessage: (message) => port.postMessage(message),
  addEventListener: (type, hear) => void port.on(type, (data: In) => hear({ data })),
});

function connect(handlers: Handlers<TestCalls> | Promise<Handlers<TestCalls>> = HANDLERS) {
  const { port1, port2 } = new MessageChannel();
  const far = postChannel<ReplyMessage<TestCalls>, RequestMessage<TestCalls> | Note>(target(port2));
  const notes: Note[] = [];
  const answer = answerRequests<TestCalls>(far.send, handlers, (error, signal) => {
    const { name, message, code = '' } = error as LudicError;
    return { name, message, code: signal.aborted ? 'cancelled' : code, explained: true };
  });
  far.listen((message) => (message.type === 'note' ? notes.push(message) : answer(message)));
  const near = postChannel<RequestMessage<TestCalls> | Note, ReplyMessage<TestCalls>>(target(port1));
  const requests = new Requests<TestCalls>(near.send);
  near.listen((message) => requests.hear(message));
  return { requests, note: near.send, notes, end: () => port1.close() };
}

describe('requests over a channel', () => {
  it('are answered by their types, each with its parts in order', async () => {
    const { requests, end } = connect();
    const parts: number[] = [];
    const [text, number] = await Promise.all([
      requests.ask({ type: 'count', to: 3 }, { onPart: (part) => parts.push(part) }),
      requests.ask({ type: 'double', value: 21 }),
    ]);
    expect([text.length, number.toFixed(1), parts]).toEqual([4, '42.0', [1, 2, 3]]);
    end();
  });

  it('fail with name, code and message', async () => {
    const { requests, end } = connect();
    const failed = requests.ask({ type: 'count', to: 0 });
    await expect(failed).rejects.toMatchObject({ code: 'too_few', message: 'Count to one at least.', explained: true });
    end();
  });

  it('are cancelled by their signals, also by one that was aborted before', async () => {
    const { requests, end } = connect();
    const controller = new AbortController();
    const waiting = requests.ask({ type: 'wait' }, { signal: controller.signal });
    controller.abort();
    await expect(waiting).rejects.toMatchObject({ code: 'cancelled' });
    await expect(requests.ask({ type: 'wait' }, { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'cancelled',
    });
    end();
  });

  it('wait for handlers that are not there yet, and share their channel with other messages', async () => {
    const { promise, resolve } = Promise.withResolvers<Handlers<TestCalls>>();
    const { requests, note, notes, end } = connect(promise);
    expect(await note({ type: 'note' })).toBe(true);
    const doubled = requests.ask({ type: 'double', value: 1 });
    resolve(HANDLERS);
    expect(await doubled).toBe(2);
    expect(notes).toEqual([{ type: 'note' }]);
    end();
  });

  it('reject when the other side is gone or a message cannot be sent', async () => {
    const { requests, end } = connect(new Promise(() => {}));
    const lost = requests.ask({ type: 'wait' });
    requests.fail(new Error('It is gone.'));
    await expect(lost).rejects.toThrow('It is gone.');
    const value = Object.assign(() => {}, { valueOf: () => 1 });
    // @ts-expect-error A function is no number, and cannot be cloned.
    await expect(requests.ask({ type: 'double', value })).rejects.toThrow('could not be cloned');
    end();
  });
});

/** What must not compile. */
export function wrong(requests: Requests<TestCalls>): void {
  // @ts-expect-error No such request.
  void requests.ask({ type: 'halve', value: 2 });
  // @ts-expect-error It has no value.
  void requests.ask({ type: 'double' });
  // @ts-expect-error The answer is a number.
  void requests.ask({ type: 'double', value: 2 }).then((answer: string) => answer);
  // @ts-expect-error The answer must be a number.
  const handlers: Handlers<TestCalls> = { ...HANDLERS, double: () => 'two' };
  void handlers;
}
