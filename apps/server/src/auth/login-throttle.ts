// Slows down guessing at passwords: each wrong password delays its address longer. Also ranks addresses for the queue of
// verifications. Memory is bounded: the address without news for the longest time is forgotten first.

interface AddressRecord {
  readonly failures: number;
  /** Until then no password from the address is verified. */
  readonly closedUntil: number;
  /** Attempts that were throttled since the last verification. */
  readonly throttled: number;
  readonly succeeded: boolean;
  readonly seen: number;
}

/** Typing errors cost nothing; then the delays are 1 s, 2 s, 4 s, … up to five minutes. */
const FREE_FAILURES = 2;
const LONGEST_DELAY_MS = 300_000;
const FORGET_AFTER_MS = 3_600_000;

export const delayAfter = (failures: number) =>
  failures <= FREE_FAILURES ? 0 : Math.min(LONGEST_DELAY_MS, 1000 * 2 ** Math.min(20, failures - FREE_FAILURES - 1));

export class LoginThrottle {
  readonly #records = new Map<string, AddressRecord>();
  readonly #most: number;

  constructor(most: number) {
    this.#most = most;
  }

  get size(): number {
    return this.#records.size;
  }

  /** How long the address has to wait, in milliseconds. */
  delay(address: string, now: number): number {
    return Math.max(0, (this.#find(address, now)?.closedUntil ?? 0) - now);
  }

  /** Place in the queue: 0 where a password was right before, 1 where nothing is known, 2 where one was wrong. */
  rank(address: string, now: number): 0 | 1 | 2 {
    const record = this.#find(address, now);
    if (record === undefined) return 1;
    return record.failures > 0 ? 2 : record.succeeded ? 0 : 1;
  }

  failed(address: string, now: number): void {
    const before = this.#find(address, now);
    const failures = (before?.failures ?? 0) + 1;
    const closedUntil = now + delayAfter(failures);
    this.#set(address, { failures, closedUntil, throttled: 0, succeeded: before?.succeeded ?? false, seen: now });
  }

  succeeded(address: string, now: number): void {
    this.#set(address, { failures: 0, closedUntil: 0, throttled: 0, succeeded: true, seen: now });
  }

  /**
   * Counts an attempt that was throttled.
   * @returns how many there were since the last verification; 0 for an address of which nothing is known
   */
  throttled(address: string, now: number): number {
    const record = this.#find(address, now);
    if (record === undefined) return 0;
    this.#records.set(address, { ...record, throttled: record.throttled + 1 });
    return record.throttled + 1;
  }

  #find(address: string, now: number): AddressRecord | undefined {
    const record = this.#records.get(address);
    if (record === undefined || now - record.seen < FORGET_AFTER_MS || record.closedUntil > now) return record;
    this.#records.delete(address);
    return undefined;
  }

  #set(address: string, record: AddressRecord): void {
    this.#records.delete(address);
    if (this.#records.size >= this.#most) this.#records.delete(this.#records.keys().next().value!);
    this.#records.set(address, record);
  }
}
