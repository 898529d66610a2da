// What is known of the token that comes next: by sequence, as computed with the present weights.

import type { TokenNode } from '@ludic/models/internal';
import { type Distribution, distributionOf } from './sampling/distribution.ts';
import type { PreparedParams } from './sampling/params.ts';

interface KnownNext {
  readonly logits: Float32Array;
  /** Made of the logits, by `PreparedParams.distributionKey`. */
  readonly distributions: Map<string, Distribution>;
}

export class NextTokens {
  readonly #known = new Map<TokenNode, KnownNext>();
  #numbers = 0;

  /** Numbers in all distributions. */
  get numbers(): number {
    return this.#numbers;
  }

  /** [vocabSize] The network's raw logits after a sequence; undefined where they are not known. */
  logitsAfter(node: TokenNode): Float32Array | undefined {
    return this.#known.get(node)?.logits;
  }

  /** @param logits [vocabSize] */
  setLogits(node: TokenNode, logits: Float32Array): void {
    this.#known.set(node, { logits, distributions: new Map() });
  }

  /** The distribution after a sequence whose logits are known. @throws PolicyError `not_finite` */
  distributionAfter(node: TokenNode, { distributionKey, params }: PreparedParams): Distribution {
    const { logits, distributions } = this.#known.get(node)!;
    let distribution = distributions.get(distributionKey);
    if (!distribution) {
      distribution = distributionOf(logits, params);
      distributions.set(distributionKey, distribution);
      this.#numbers += logits.length;
    }
    return distribution;
  }

  clear(): void {
    this.#known.clear();
    this.#numbers = 0;
  }
}
