// Prefix caching: the longest common prefix of all prompts so far is computed once and kept as keys and values.

import { type CachedPrefix, sharedPrefixLength } from '@ludic/models/internal';
import type { Decoder } from '../decoder.ts';

/** A shorter prefix is not worth a run of its own. */
const SHORTEST = 4;

export class SharedPrefix {
  readonly #decoder: Decoder;
  #prefix: CachedPrefix | undefined;

  constructor(decoder: Decoder) {
    this.#decoder = decoder;
  }

  /** The current prefix. */
  get prefix(): CachedPrefix | undefined {
    return this.#prefix;
  }

  /**
   * Drops the tokens too: what is computed after an update depends on that update alone, so that a run that was
   * interrupted and resumed there continues with the same bits.
   */
  clear(): void {
    this.#prefix = undefined;
  }

  /** The common prefix of these sequences and all before them or, where that is too short, of these alone. */
  async of(sequences: readonly Int32Array[]): Promise<CachedPrefix | undefined> {
    if (sequences.length === 0) return undefined;
    const shortest = sequences.reduce((least, sequence) => Math.min(least, sequence.length), Number.POSITIVE_INFINITY);
    const common = (all: readonly Int32Array[]) => all[0]!.slice(0, sharedPrefixLength(all, shortest - 1));
    const known = this.#prefix?.tokens;
    let tokens = common(known ? [known, ...sequences] : sequences);
    const goesOn = tokens.length >= SHORTEST;
    if (!goesOn) tokens = common(sequences);
    if (tokens.length < SHORTEST) return undefined;
    // Another prefix may be as long as the known one.
    if (!goesOn || tokens.length !== known?.length) this.#prefix = await this.#decoder.prefix(tokens);
    return this.#prefix;
  }
}
