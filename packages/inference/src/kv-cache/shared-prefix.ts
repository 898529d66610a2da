// Prefix caching: the longest common prefix of all prompts so far is computed once and kept as keys and values.

import { type CachedPrefix, commonBeginning, type TokenNode } from '@ludic/models/internal';
import type { Decoder } from '../decoder.ts';

/** A shorter prefix is not worth a run of its own. */
const SHORTEST = 4;

export class SharedPrefix {
  readonly #decoder: Decoder;
  #prefix: CachedPrefix | undefined;
  #node: TokenNode | undefined;

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
    this.#node = undefined;
  }

  /**
   * The common prefix of these sequences and all before them or, where that is too short, of these alone: less than the
   * shortest of them.
   */
  async of(ends: readonly TokenNode[]): Promise<CachedPrefix | undefined> {
    if (ends.length === 0) return undefined;
    const shortest = ends.reduce((least, { depth }) => Math.min(least, depth), Number.POSITIVE_INFINITY);
    const common = ends.reduce(commonBeginning).ancestor(shortest - 1);
    const known = this.#node;
    let node = known ? commonBeginning(known, common) : common;
    if (node.depth < SHORTEST) node = common;
    if (node.depth < SHORTEST) return undefined;
    if (node !== known) {
      this.#prefix = await this.#decoder.prefix(node.path());
      this.#node = node;
    }
    return this.#prefix;
  }
}
