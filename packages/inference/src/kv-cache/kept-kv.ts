// Which keys and values are kept: those of the longest common prefix of all prompts, and those of sequences that may go on.

import { type CachedPrefix, commonBeginning, type TokenNode } from '@ludic/models/internal';
import type { Decoder } from '../decoder.ts';
import type { KvRow } from './batch.ts';

/** A shorter prefix is not worth a run of its own. */
const SHORTEST_PREFIX = 4;

/** A sequence whose keys and values are kept. */
export interface KeptRow {
  readonly node: TokenNode;
  readonly row: KvRow;
}

export class KeptKv {
  readonly #decoder: Decoder;
  readonly #rows = new Map<TokenNode, KvRow>();
  #prefix: { readonly node: TokenNode; readonly cached: CachedPrefix } | undefined;

  constructor(decoder: Decoder) {
    this.#decoder = decoder;
  }

  has(node: TokenNode): boolean {
    return this.#rows.has(node);
  }

  /** The longest sequence with keys and values that this one goes on from. */
  nearest({ parent }: TokenNode): KeptRow | undefined {
    if (this.#rows.size === 0) return undefined;
    for (let node = parent; node; node = node.parent) {
      const row = this.#rows.get(node);
      if (row) return { node, row };
    }
    return undefined;
  }

  set(node: TokenNode, row: KvRow): void {
    this.#rows.set(node, row);
  }

  delete(node: TokenNode): void {
    this.#rows.delete(node);
  }

  /**
   * The common prefix of these sequences and all before them or, where that is too short, of these alone: less than the
   * shortest of them. It is computed once.
   * @param ends at least one, of one tree
   */
  async prefixOf(ends: readonly TokenNode[]): Promise<CachedPrefix | undefined> {
    const shortest = ends.reduce((least, { depth }) => Math.min(least, depth), Number.POSITIVE_INFINITY);
    const common = ends.reduce(commonBeginning).ancestor(shortest - 1);
    const known = this.#prefix?.node.tree === common.tree ? this.#prefix : undefined;
    let node = known ? commonBeginning(known.node, common) : common;
    if (node.depth < SHORTEST_PREFIX) node = common;
    if (node.depth < SHORTEST_PREFIX) return undefined;
    if (node !== known?.node) this.#prefix = { node, cached: await this.#decoder.prefix(node.path()) };
    return this.#prefix!.cached;
  }

  /** Frees all keys and values but those of the prefix and of these sequences. */
  async release(needed: ReadonlySet<TokenNode>): Promise<void> {
    for (const node of this.#rows.keys()) if (!needed.has(node)) this.#rows.delete(node);
    const batches = new Set(Array.from(this.#rows.values(), ({ batch }) => batch));
    await this.#decoder.release(batches, this.#prefix?.cached);
  }

  /**
   * Forgets all, the tokens of the prefix too: what is computed after an update depends on that update alone, so that a run
   * that was interrupted and resumed there continues with the same bits.
   */
  clear(): void {
    this.#rows.clear();
    this.#prefix = undefined;
  }
}
