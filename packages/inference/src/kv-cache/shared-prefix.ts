// The longest beginning that all prompts so far have in common: computed once, and kept as keys and values.

import { sharedPrefixLength } from '@ludic/models';
import type { Decoder } from '../decoder.ts';
import type { Prefix } from './cache.ts';

/** A shorter one is not worth a run of its own. */
const SHORTEST = 4;

export class SharedPrefix {
  readonly #decoder: Decoder;
  #tokens: Int32Array | undefined;
  #prefix: Prefix | undefined;

  constructor(decoder: Decoder) {
    this.#decoder = decoder;
  }

  /** As it is now. */
  get prefix(): Prefix | undefined {
    return this.#prefix;
  }

  /**
   * Not even the tokens stay: what is computed after an update depends on that update alone, so that a run that was
   * interrupted there goes on with the same bits.
   */
  forget(): void {
    this.#prefix = undefined;
    this.#tokens = undefined;
  }

  /** What these prompts and those before them begin with, or else these alone. */
  async of(sequences: readonly Int32Array[]): Promise<Prefix | undefined> {
    if (sequences.length === 0) return undefined;
    const shortest = sequences.reduce((least, sequence) => Math.min(least, sequence.length), Number.POSITIVE_INFINITY);
    const common = (all: readonly Int32Array[]) => all[0]!.slice(0, sharedPrefixLength(all, shortest - 1));
    let tokens = common(this.#tokens ? [this.#tokens, ...sequences] : sequences);
    if (tokens.length < SHORTEST) tokens = common(sequences);
    if (tokens.length < SHORTEST) return undefined;
    if (!this.#prefix || this.#prefix.tokens.length !== tokens.length || this.#tokens?.length !== tokens.length) {
      this.#prefix = await this.#decoder.prefix(tokens);
    }
    this.#tokens = tokens;
    return this.#prefix;
  }
}
