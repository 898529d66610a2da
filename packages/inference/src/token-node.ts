// A token sequence as a node of a prefix tree (radix tree without compression): what was computed for a sequence is shared
// by all episodes that reach the same tokens.

import type { KvRow } from './kv-cache/batch.ts';
import type { Distribution } from './sampling/distribution.ts';

export class TokenNode {
  readonly parent: TokenNode | undefined;
  readonly token: number;
  /** Tokens from the root to here. */
  readonly depth: number;
  /** [vocabSize] Raw logits of the next token, once they are computed. */
  logits: Float32Array | undefined;
  /** Distributions made of the logits, by `PreparedParams.distributionKey`. */
  distributions: Map<string, Distribution> | undefined;
  /** Keys and values of all tokens up to here, while they are kept. */
  kv: KvRow | undefined;
  #children: Map<number, TokenNode> | undefined;

  constructor(parent?: TokenNode, token = -1) {
    this.parent = parent;
    this.token = token;
    this.depth = parent ? parent.depth + 1 : 0;
  }

  child(token: number): TokenNode {
    this.#children ??= new Map();
    let child = this.#children.get(token);
    if (!child) {
      child = new TokenNode(this, token);
      this.#children.set(token, child);
    }
    return child;
  }

  /** The node at the end of a path from here. @param onNew called for each node that had to be made */
  follow(tokens: Int32Array, onNew: () => void): TokenNode {
    let node: TokenNode = this;
    for (const token of tokens) {
      if (!node.#children?.has(token)) onNew();
      node = node.child(token);
    }
    return node;
  }

  /** The last `count` tokens of the path that ends here; all of them by default. */
  path(count = this.depth): Int32Array {
    const tokens = new Int32Array(count);
    let node: TokenNode = this;
    for (let i = count - 1; i >= 0; i--) {
      tokens[i] = node.token;
      node = node.parent!;
    }
    return tokens;
  }

  /** The nearest node above whose keys and values are kept. */
  nearestWithKv(): TokenNode | undefined {
    let node = this.parent;
    while (node && !node.kv) node = node.parent;
    return node;
  }
}
