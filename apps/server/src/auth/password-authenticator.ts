// Decides whether a presented password is right, at a cost that stays bounded under a flood of attempts.
//
// Verifications wait in one short queue, at most one for each address: requests with the same password from the same
// address share a verification, a different password is throttled. A password that was right stays valid for its address
// for a few minutes without another verification. The queue serves addresses with a right password first, then unknown
// addresses, then addresses with a wrong one; these also have to wait longer after each failure. So a flood from one
// address delays that address alone, and a flood from many addresses fills a queue that is done within two seconds.

import { availableParallelism } from 'node:os';
import { costOf, isTooLong, verifyPassword } from './hash.ts';
import { LoginThrottle } from './login-throttle.ts';
import { MOST_COST_OF_ALL, type PasswordEntry } from './password-lines.ts';
import { nameOf, type PasswordSet, type Passwords } from './passwords.ts';
import { VerifiedPasswordCache } from './verified-password-cache.ts';
import { WorkQueue } from './work-queue.ts';

export type AuthResult =
  /** `who`: the name of the password. */
  | { readonly kind: 'accepted'; readonly who: string }
  | { readonly kind: 'rejected' }
  /** `delayed`: too many wrong passwords from the address. `busy`: too many attempts at once. */
  | { readonly kind: 'throttled'; readonly reason: 'delayed' | 'busy'; readonly retryAfterS: number }
  /** The client went away before its turn. */
  | { readonly kind: 'aborted' };

interface LoginAttempt {
  /** A password, or `name:password`. */
  readonly presented: string;
  /** Where it comes from, as `addressGroup` gives it. */
  readonly address: string;
  readonly signal?: AbortSignal | undefined;
}

const CACHE_MS = 300_000;
const MOST_CACHED = 4096;
const MOST_ADDRESSES = 8192;
/** A second after a flood began most of it has been turned away, and the queue serves later attempts before the rest. */
const RETRY_BUSY_MS = 1000;
/** How many requests with one password from one address share one verification. */
const MOST_SHARED = 128;
/**
 * The cache finds a right password without argon2, also while its address is delayed. So another client at that address
 * could guess quickly; after this many throttled attempts the address has to be verified again.
 */
const MOST_THROTTLED = 100;

/** The verification of an address that waits or runs. */
interface Pending {
  readonly digest: string;
  readonly result: Promise<AuthResult>;
  readonly withdraw: () => boolean;
  /** Requests that wait for the result. */
  waiting: number;
}

export class PasswordAuthenticator {
  readonly #passwords: Passwords;
  readonly #now: () => number;
  readonly #queue: WorkQueue;
  readonly #verified = new VerifiedPasswordCache(CACHE_MS, MOST_CACHED);
  readonly #throttle = new LoginThrottle(MOST_ADDRESSES);
  readonly #pending = new Map<string, Pending>();
  #set: PasswordSet;

  /** @param now milliseconds that never go back */
  constructor(passwords: Passwords, now: () => number = () => performance.now()) {
    this.#passwords = passwords;
    this.#now = now;
    this.#set = passwords.current;
    // One core stays free for answers, and most of libuv's four threads for files.
    this.#queue = new WorkQueue(Math.max(1, Math.min(2, availableParallelism() - 1)), MOST_COST_OF_ALL);
  }

  async authenticate({ presented, address, signal }: LoginAttempt): Promise<AuthResult> {
    if (isTooLong(presented)) return { kind: 'rejected' };
    const set = this.#currentSet();
    const digest = this.#verified.digest(address, presented);
    const who = this.#verified.find(digest, this.#now());
    if (who !== undefined) return { kind: 'accepted', who };

    const pending = this.#pending.get(address);
    if (pending !== undefined) {
      if (pending.digest !== digest || pending.waiting >= MOST_SHARED) return this.#busy(address);
      return wait(pending, signal);
    }
    const delay = this.#throttle.delay(address, this.#now());
    if (delay > 0) return this.#throttled(address, 'delayed', delay);
    return this.#verify(set, { presented, address, signal }, digest);
  }

  /** What it holds in memory; all of it is bounded. */
  get load(): {
    readonly running: number;
    readonly waiting: number;
    readonly addresses: number;
    readonly remembered: number;
  } {
    const { running, waiting } = this.#queue;
    return { running, waiting, addresses: this.#throttle.size, remembered: this.#verified.size };
  }

  async #verify(set: PasswordSet, { presented, address, signal }: LoginAttempt, digest: string): Promise<AuthResult> {
    const candidates = set.candidates(presented);
    const queued = this.#queue.add({
      rank: this.#throttle.rank(address, this.#now()),
      cost: candidates.reduce((sum, { hash }) => sum + costOf(hash), 0),
      run: async (): Promise<PasswordEntry | undefined> => {
        for (const { entry, hash, password } of candidates)
          if ((await verifyPassword(hash, password)) && entry !== undefined) return entry;
        return undefined;
      },
    });
    if (queued === undefined) return this.#busy(address);
    const finish = async (): Promise<AuthResult> => {
      const outcome = await queued.outcome.finally(() => this.#pending.delete(address));
      if (outcome.kind === 'dropped') return this.#busy(address);
      // A verification against earlier passwords says nothing about the current ones.
      if (this.#currentSet() !== set) return this.#busy(address);
      if (outcome.value === undefined) {
        this.#throttle.failed(address, this.#now());
        return { kind: 'rejected' };
      }
      const who = nameOf(outcome.value);
      this.#throttle.succeeded(address, this.#now());
      this.#verified.add(digest, address, who, this.#now());
      return { kind: 'accepted', who };
    };
    const pending: Pending = { digest, result: finish(), withdraw: queued.withdraw, waiting: 0 };
    this.#pending.set(address, pending);
    return wait(pending, signal);
  }

  #busy(address: string): AuthResult {
    return this.#throttled(address, 'busy', RETRY_BUSY_MS);
  }

  #throttled(address: string, reason: 'delayed' | 'busy', ms: number): AuthResult {
    if (this.#throttle.throttled(address, this.#now()) % MOST_THROTTLED === MOST_THROTTLED - 1)
      this.#verified.forgetAddress(address);
    return { kind: 'throttled', reason, retryAfterS: Math.max(1, Math.ceil(ms / 1000)) };
  }

  #currentSet(): PasswordSet {
    if (this.#set !== this.#passwords.current) {
      this.#set = this.#passwords.current;
      this.#verified.clear();
    }
    return this.#set;
  }
}

/** Waits for the result or until the client goes. When the last client goes before its turn, nothing is verified. */
async function wait(pending: Pending, signal: AbortSignal | undefined): Promise<AuthResult> {
  pending.waiting++;
  if (signal === undefined) return pending.result;
  const { promise, resolve } = Promise.withResolvers<AuthResult>();
  const leave = () => {
    pending.waiting--;
    if (pending.waiting === 0) pending.withdraw();
    resolve({ kind: 'aborted' });
  };
  if (signal.aborted) leave();
  signal.addEventListener('abort', leave, { once: true });
  try {
    return await Promise.race([pending.result, promise]);
  } finally {
    signal.removeEventListener('abort', leave);
  }
}
