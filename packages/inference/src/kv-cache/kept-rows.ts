// Which sequences of the token tree have keys and values.

import type { TokenNode } from '@ludic/models/internal';
import type { DecodedBatch, KvRow } from './batch.ts';

/** A sequence that has keys and values. */
export interface KeptRow {
  readonly node: TokenNode;
  readonly row: KvRow;
}

export class KeptRows {
  readonly #rows = new Map<TokenNode, KvRow>();

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

  keepOnly(nodes: ReadonlySet<TokenNode>): void {
    for (const node of this.#rows.keys()) if (!nodes.has(node)) this.#rows.delete(node);
  }

  /** The batches that rows are in. */
  get batches(): ReadonlySet<DecodedBatch> {
    return new Set(Array.from(this.#rows.values(), ({ batch }) => batch));
  }

  clear(): void {
    this.#rows.clear();
  }
}
