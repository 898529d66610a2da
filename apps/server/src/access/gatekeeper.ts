// Decides whether a presented password opens the door, at a price that is bounded however many knock.
//
// Verifications stand in one short queue. An address has one in it at a time; the same password from the same address
// waits with the first, another is told to come again. Whoever was right is remembered for a few minutes, and waits
// before strangers; strangers wait before those who were wrong, and these have to stay away for longer and longer. So a
// flood from one address delays that address alone, and a flood from many fills a queue that is done in two seconds.

import { availableParallelism } from 'node:os';
import { costOf, isTooLong, verifyPassword } from './hash.ts';
import { MOST_COST_OF_ALL, type PasswordEntry } from './password-lines.ts';
import { nameOf, type PasswordBook, type Passwords } from './passwords.ts';
import { Remembered } from './remembered.ts';
import { Standing } from './standing.ts';
import { WorkQueue } from './work-queue.ts';

export type Verdict =
  | { readonly kind: 'welcome'; readonly who: string }
  | { readonly kind: 'wrong' }
  /** `delayed`: too many wrong passwords from there. `busy`: too many at once. */
  | { readonly kind: 'later'; readonly why: 'delayed' | 'busy'; readonly retryAfterS: number }
  /** The client went away before its turn. */
  | { readonly kind: 'gone' };

export interface Attempt {
  /** A password, or `name:password`. */
  readonly presented: string;
  /** Where it comes from, as `addressGroup` gives it. */
  readonly address: string;
  readonly signal?: AbortSignal | undefined;
}

const REMEMBER_MS = 300_000;
const MOST_REMEMBERED = 4096;
const MOST_ADDRESSES = 8192;
/** A second after a flood began most of it has been turned away, and whoever comes then is served before the rest. */
const RETRY_BUSY_MS = 1000;
/** How many requests with one password from one address wait for one verification. */
const MOST_TOGETHER = 128;
/**
 * A remembered password is found without argon2, also while its address is delayed. So whoever shares the address could
 * guess at it quickly; after this many refusals the address has to be verified anew.
 */
const MOST_REFUSALS = 100;

interface Pending {
  readonly digest: string;
  readonly verdict: Promise<Verdict>;
  readonly withdraw: () => boolean;
  together: number;
}

export class Gatekeeper {
  readonly #passwords: Passwords;
  readonly #now: () => number;
  readonly #queue: WorkQueue;
  readonly #remembered = new Remembered(REMEMBER_MS, MOST_REMEMBERED);
  readonly #standing = new Standing(MOST_ADDRESSES);
  readonly #pending = new Map<string, Pending>();
  #book: PasswordBook;

  /** @param now milliseconds that never go back */
  constructor(passwords: Passwords, now: () => number = () => performance.now()) {
    this.#passwords = passwords;
    this.#now = now;
    this.#book = passwords.book;
    // One core stays free for answers, and most of libuv's four threads for files.
    this.#queue = new WorkQueue(Math.max(1, Math.min(2, availableParallelism() - 1)), MOST_COST_OF_ALL);
  }

  async admit({ presented, address, signal }: Attempt): Promise<Verdict> {
    if (isTooLong(presented)) return { kind: 'wrong' };
    const book = this.#currentBook();
    const digest = this.#remembered.digest(address, presented);
    const who = this.#remembered.find(digest, this.#now());
    if (who !== undefined) return { kind: 'welcome', who };

    const before = this.#pending.get(address);
    if (before !== undefined) {
      if (before.digest !== digest || before.together >= MOST_TOGETHER)
        return this.#later(address, 'busy', RETRY_BUSY_MS);
      return wait(before, signal);
    }
    const delay = this.#standing.delay(address, this.#now());
    if (delay > 0) return this.#later(address, 'delayed', delay);
    return this.#verify(book, { presented, address, signal }, digest);
  }

  /** What it holds in memory; all of it is bounded. */
  get load(): {
    readonly running: number;
    readonly waiting: number;
    readonly addresses: number;
    readonly remembered: number;
  } {
    const { running, waiting } = this.#queue;
    return { running, waiting, addresses: this.#standing.size, remembered: this.#remembered.size };
  }

  async #verify(book: PasswordBook, { presented, address, signal }: Attempt, digest: string): Promise<Verdict> {
    const candidates = book.candidates(presented);
    const offer = this.#queue.offer({
      rank: this.#standing.rank(address, this.#now()),
      cost: candidates.reduce((sum, { hash }) => sum + costOf(hash), 0),
      run: async (): Promise<PasswordEntry | undefined> => {
        for (const { entry, hash, password } of candidates)
          if ((await verifyPassword(hash, password)) && entry !== undefined) return entry;
        return undefined;
      },
    });
    if (offer === undefined) return this.#later(address, 'busy', RETRY_BUSY_MS);
    const judge = async (): Promise<Verdict> => {
      const outcome = await offer.outcome.finally(() => this.#pending.delete(address));
      if (outcome.kind === 'dropped') return this.#later(address, 'busy', RETRY_BUSY_MS);
      // What was verified against passwords of yesterday says nothing about today's.
      if (this.#currentBook() !== book) return this.#later(address, 'busy', RETRY_BUSY_MS);
      if (outcome.value === undefined) {
        this.#standing.failed(address, this.#now());
        return { kind: 'wrong' };
      }
      const who = nameOf(outcome.value);
      this.#standing.succeeded(address, this.#now());
      this.#remembered.remember(digest, address, who, this.#now());
      return { kind: 'welcome', who };
    };
    const pending: Pending = { digest, verdict: judge(), withdraw: offer.withdraw, together: 0 };
    this.#pending.set(address, pending);
    return wait(pending, signal);
  }

  #later(address: string, why: 'delayed' | 'busy', ms: number): Verdict {
    if (this.#standing.refused(address, this.#now()) % MOST_REFUSALS === MOST_REFUSALS - 1)
      this.#remembered.forgetAddress(address);
    return { kind: 'later', why, retryAfterS: Math.max(1, Math.ceil(ms / 1000)) };
  }

  #currentBook(): PasswordBook {
    if (this.#book !== this.#passwords.book) {
      this.#book = this.#passwords.book;
      this.#remembered.clear();
    }
    return this.#book;
  }
}

/** Waits until the verdict or until the client goes. When the last one goes before its turn, nothing is verified. */
async function wait(pending: Pending, signal: AbortSignal | undefined): Promise<Verdict> {
  pending.together++;
  if (signal === undefined) return pending.verdict;
  const { promise, resolve } = Promise.withResolvers<Verdict>();
  const leave = () => {
    pending.together--;
    if (pending.together === 0) pending.withdraw();
    resolve({ kind: 'gone' });
  };
  if (signal.aborted) leave();
  signal.addEventListener('abort', leave, { once: true });
  try {
    return await Promise.race([pending.verdict, promise]);
  } finally {
    signal.removeEventListener('abort', leave);
  }
}
