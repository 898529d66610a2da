// A policy that asks an endpoint: a few requests at once, sent again where that may help. What concerns one prompt fails
// one game; what concerns all of them ends the run.

import { PolicyError } from '@ludic/inference';
import { pauseAfter, type RetryPolicy, sleep } from '@ludic/io';
import { type RandomStream, stream } from '@ludic/random';
import type { ActOptions, GamePrompt, NoReply, Policy, Reply } from '../contract.ts';
import { type Ask, complete, type FailedCompletion } from './completion.ts';
import { CONCURRENCY, checkEndpoint, type EndpointSettings, RETRIES } from './settings.ts';

export type { EndpointSettings };

/** A server that asks to wait longer is asked again all the same. */
const PAUSES: Omit<RetryPolicy, 'attempts'> = { firstPause: 500, longestPause: 30_000, longestWait: 60_000 };

/**
 * Each reply has a seed of its own from its episode's stream, so a server that honours seeds gives the same games again.
 * @throws PolicyError `bad_setting`; `act` rejects with the codes of an endpoint, where no reply can be had at all
 */
export function openaiPolicy(settings: EndpointSettings): Policy {
  checkEndpoint(settings);
  return new EndpointPolicy(settings);
}

class EndpointPolicy implements Policy {
  readonly name: string;
  readonly #settings: EndpointSettings;
  readonly #closed = new AbortController();
  /** Whether any prompt ever got a reply: then a server that fails is a server that failed now. */
  #answered = false;

  constructor(settings: EndpointSettings) {
    this.name = settings.model;
    this.#settings = settings;
  }

  async act(prompts: readonly GamePrompt[], { signal }: ActOptions = {}): Promise<(Reply | NoReply)[]> {
    const given = new AbortController();
    const stop = AbortSignal.any([given.signal, this.#closed.signal, ...(signal ? [signal] : [])]);
    stop.throwIfAborted();
    // 31 bits: some servers keep seeds in signed integers.
    const asks = prompts.map(({ messages, random }) => ({ messages, seed: random.nextUint32() >>> 1 }));
    const { concurrency = CONCURRENCY } = this.#settings;
    const replies = await inLanes(asks, concurrency, (ask) => this.#ask(ask, stop), given);
    const failure = replies.find((reply) => reply.finish === 'failed');
    if (failure && !this.#answered) throw new PolicyError(failure.code, failure.error);
    return replies.map((reply) => (reply.finish === 'failed' ? { finish: 'failed', error: reply.error } : reply));
  }

  dispose(): void {
    this.#closed.abort();
  }

  async #ask(ask: Ask, stop: AbortSignal): Promise<Reply | FailedCompletion> {
    // Of the seed alone: how often one request is sent again changes nothing about another.
    const random: RandomStream = stream('pauses', ask.seed);
    const { retries = RETRIES, sleep: pause = sleep } = this.#settings;
    for (let tries = 1; ; tries++) {
      stop.throwIfAborted();
      const reply = await complete(this.#settings, ask, stop);
      if (reply.finish !== 'failed') {
        this.#answered = true;
        return reply;
      }
      const { scope, code, error } = reply;
      const hopeless = tries > retries || scope === 'connection';
      if (scope === 'endpoint' || (scope !== 'prompt' && hopeless && !this.#answered))
        throw new PolicyError(code, error);
      if (scope === 'prompt' || tries > retries) return reply;
      await pause(pauseAfter(PAUSES, tries, reply.wait, random.nextFloat()), stop);
    }
  }
}

/** Works on all items, at most `lanes` at once. The first error aborts the work on the others, and is thrown when that is over. */
async function inLanes<Item, Result>(
  items: readonly Item[],
  lanes: number,
  work: (item: Item) => Promise<Result>,
  abort: AbortController,
): Promise<Result[]> {
  const results = new Array<Result>(items.length);
  const queue = items.entries();
  const lane = async () => {
    for (const [i, item] of queue) results[i] = await work(item);
  };
  const running = Array.from({ length: Math.min(lanes, items.length) }, lane);
  try {
    await Promise.all(running);
  } catch (error) {
    abort.abort();
    await Promise.allSettled(running);
    throw error;
  }
  return results;
}
