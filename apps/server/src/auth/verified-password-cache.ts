// Passwords that were right a few minutes ago at an address, as digests under a key that only this process has. A digest
// counts for one address alone, so it tells nothing to clients at other addresses.

import { createHmac, randomBytes } from 'node:crypto';

export class VerifiedPasswordCache {
  readonly #key = randomBytes(32);
  readonly #entries = new Map<string, { readonly who: string; readonly address: string; readonly until: number }>();
  readonly #lifetimeMs: number;
  readonly #most: number;

  constructor(lifetimeMs: number, most: number) {
    this.#lifetimeMs = lifetimeMs;
    this.#most = most;
  }

  get size(): number {
    return this.#entries.size;
  }

  digest(address: string, password: string): string {
    return createHmac('sha256', this.#key)
      .update(address)
      .update('\0')
      .update(password.normalize('NFC'))
      .digest('base64');
  }

  find(digest: string, now: number): string | undefined {
    const found = this.#entries.get(digest);
    if (found === undefined) return undefined;
    if (found.until > now) return found.who;
    this.#entries.delete(digest);
    return undefined;
  }

  /** Its time begins with the verification; use does not prolong it. */
  add(digest: string, address: string, who: string, now: number): void {
    this.#entries.delete(digest);
    if (this.#entries.size >= this.#most) this.#entries.delete(this.#entries.keys().next().value!);
    this.#entries.set(digest, { who, address, until: now + this.#lifetimeMs });
  }

  forgetAddress(address: string): void {
    for (const [digest, found] of this.#entries) if (found.address === address) this.#entries.delete(digest);
  }

  clear(): void {
    this.#entries.clear();
  }
}
