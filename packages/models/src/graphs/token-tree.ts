// A tree of token sequences: sequences that begin alike are one path as far as they are alike. A sampler grows it, credit
// asks which replies had the same prompt, and training computes what several replies share once.

/** A tree is its root, which is the empty sequence. */
export type TokenTree = TokenNode;

/** The last token of a sequence, which is the path from the root to here. */
export class TokenNode {
  /** The tree that it is part of. */
  readonly tree: TokenTree;
  /** Undefined at the root. */
  readonly parent: TokenNode | undefined;
  /** The token's id; −1 at the root. */
  readonly token: number;
  /** Tokens from the root to here. */
  readonly depth: number;
  /** Most nodes have one child. */
  #children: TokenNode | Map<number, TokenNode> | undefined;
  /** Of the root: nodes below it. */
  #size = 0;

  /** Without a parent the root of a new tree. */
  constructor(parent?: TokenNode, token = -1) {
    this.parent = parent;
    this.token = token;
    this.depth = parent ? parent.depth + 1 : 0;
    this.tree = parent ? parent.tree : this;
    if (parent) this.tree.#size++;
  }

  /** Nodes of the tree below its root. */
  get size(): number {
    return this.tree.#size;
  }

  /** This sequence and one token more. */
  child(token: number): TokenNode {
    const children = this.#children;
    if (children === undefined) {
      const only = new TokenNode(this, token);
      this.#children = only;
      return only;
    }
    if (!(children instanceof Map)) {
      if (children.token === token) return children;
      const added = new TokenNode(this, token);
      this.#children = new Map([
        [children.token, children],
        [token, added],
      ]);
      return added;
    }
    let child = children.get(token);
    if (!child) {
      child = new TokenNode(this, token);
      children.set(token, child);
    }
    return child;
  }

  /** This sequence and more tokens. */
  follow(tokens: ArrayLike<number>): TokenNode {
    let node: TokenNode = this;
    for (let i = 0; i < tokens.length; i++) node = node.child(tokens[i]!);
    return node;
  }

  /** The tokens of the path after the first `from`, [depth − from]. */
  path(from = 0): Int32Array {
    const tokens = new Int32Array(this.depth - from);
    let node: TokenNode = this;
    for (let i = tokens.length - 1; i >= 0; i--) {
      tokens[i] = node.token;
      node = node.parent!;
    }
    return tokens;
  }

  /** The first `depth` tokens of this sequence; the node itself where it has no more. */
  ancestor(depth: number): TokenNode {
    let node: TokenNode = this;
    while (node.depth > depth) node = node.parent!;
    return node;
  }
}

/** The longest sequence that two sequences of one tree begin with. */
export function commonBeginning(a: TokenNode, b: TokenNode): TokenNode {
  let one = a.ancestor(b.depth);
  let other = b.ancestor(a.depth);
  while (one !== other) {
    one = one.parent!;
    other = other.parent!;
  }
  return one;
}
