// Passwords that were right a few minutes ago at an address, as digests under a key that only this process has.
// A digest that counts for one address alone is no oracle for the others.

import { createHmac, randomBytes } from 'node:crypto';

export class Remembered {
  readonly #key = randomBytes(32);
  readonly #found = new Map<string, { readonly who: string; readonly address: string; readonly until: number }>();
  readonly #forMs: number;
  readonly #most: number;

  constructor(forMs: number, most: number) {
    this.#forMs = forMs;
    this.#most = most;
  }

  get size(): number {
    return this.#found.size;
  }

  digest(address: string, password: string): string {
    return createHmac('sha256', this.#key)
      .update(address)
      .update('\0')
      .update(password.normalize('NFC'))
      .digest('base64');
  }

  find(digest: string, now: number): string | undefined {
    const found = this.#found.get(digest);
    if (found === undefined) return undefined;
    if (found.until > now) return found.who;
    this.#found.delete(digest);
    return undefined;
  }

  /** Counts from the verification on; use does not prolong it. */
  remember(digest: string, address: string, who: string, now: number): void {
    this.#found.delete(digest);
    if (this.#found.size >= this.#most) this.#found.delete(this.#found.keys().next().value!);
    this.#found.set(digest, { who, address, until: now + this.#forMs });
  }

  forgetAddress(address: string): void {
    for (const [digest, found] of this.#found) if (found.address === address) this.#found.delete(digest);
  }

  clear(): void {
    this.#found.clear();
  }
}
