// What a sampler has computed with the present weights: a tree of all token sequences, with the distribution of the next
// token where it is known, and the sampling parameters in use. The tree is emptied when it exceeds its capacity.

import type { LanguageModel } from './language-model.ts';
import type { PreparedParams } from './running-generation.ts';
import { type Distribution, distributionOf } from './sampling/distribution.ts';
import { checkSampling, type SamplingParams } from './sampling/params.ts';
import { stopsWithSpecialTokens } from './sampling/special-token-stops.ts';
import { TokenNode } from './token-node.ts';

/** Numbers in distributions at which the tree is emptied between prompts: about 200 MB. Twice as many are never exceeded. */
export const TREE_CAPACITY = 2 ** 24;
/** Memory of a node of the tree, in such numbers. */
const NUMBERS_PER_NODE = 24;
/** Sampling parameters kept before the oldest are dropped. */
const MOST_PARAMS = 64;

export class TokenTree {
  readonly #model: LanguageModel;
  #root = new TokenNode();
  #prompts = new Map<Int32Array, TokenNode>();
  #prepared = new Map<string, PreparedParams>();
  /** Nodes that have logits. */
  #withLogits: TokenNode[] = [];
  #numbers = 0;

  constructor(model: LanguageModel) {
    this.#model = model;
  }

  /** Whether to empty the tree before the next prompt. */
  get full(): boolean {
    return this.#numbers > TREE_CAPACITY;
  }

  clear(): void {
    this.#root = new TokenNode();
    this.#prompts = new Map();
    this.#prepared = new Map();
    this.#withLogits = [];
    this.#numbers = 0;
  }

  /**
   * Drops logits and distributions in the middle of generations, if they are twice the capacity. All open generations must
   * have drawn their token: a later one at the same node has the logits computed again.
   */
  evictLogits(): void {
    if (this.#numbers <= 2 * TREE_CAPACITY) return;
    for (const node of this.#withLogits) {
      node.logits = undefined;
      node.distributions = undefined;
    }
    this.#withLogits = [];
    this.#numbers = 0;
  }

  /** @throws PolicyError `bad_setting` */
  prepare(params: SamplingParams): PreparedParams {
    const { temperature, topK, topP, maxCompletionLength, stop } = params;
    const distributionKey = `${temperature} ${topK} ${topP}`;
    const key = JSON.stringify([distributionKey, maxCompletionLength, stop]);
    const known = this.#prepared.get(key);
    if (known) return known;
    checkSampling(params);
    const prepared: PreparedParams = {
      params,
      distributionKey,
      drawnOnDevice: this.#model.runtime.tensors === 'device' && topK === 0 && topP === 1,
      longestStop: stop.reduce((longest, text) => Math.max(longest, text.length), 0),
      specialStops: stopsWithSpecialTokens(stop, this.#model.tokenizer),
      oneToken: new Map(),
    };
    if (this.#prepared.size >= MOST_PARAMS) this.#prepared.delete(this.#prepared.keys().next().value!);
    this.#prepared.set(key, prepared);
    return prepared;
  }

  /** The node of a prompt's last token. @param prompt equal prompts as one array are looked up by identity */
  promptEnd(prompt: Int32Array): TokenNode {
    let end = this.#prompts.get(prompt);
    if (!end) {
      end = this.#root.follow(prompt, () => {
        this.#numbers += NUMBERS_PER_NODE;
      });
      this.#prompts.set(prompt, end);
    }
    return end;
  }

  /** @param logits of the token after the node */
  setLogits(node: TokenNode, logits: Float32Array): void {
    node.logits = logits;
    this.#withLogits.push(node);
  }

  /** The distribution of the next token after a node that has logits. @throws PolicyError `not_finite` */
  distributionAt(node: TokenNode, { distributionKey, params }: PreparedParams): Distribution {
    let distribution = node.distributions?.get(distributionKey);
    if (!distribution) {
      distribution = distributionOf(node.logits!, params);
      node.distributions ??= new Map();
      node.distributions.set(distributionKey, distribution);
      this.#numbers += this.#model.config.vocabSize;
    }
    return distribution;
  }
}
