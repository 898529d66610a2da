// One generation while it is sampled, and its tokens when it is complete.

import type { TokenNode } from '@ludic/models/internal';
import type { Generation, Prompt, SampledTokens } from './contract.ts';
import { type Detokenizer, IncrementalDetokenizer } from './detokenizer.ts';
import type { DrawnToken } from './sampling/distribution.ts';
import type { PreparedParams } from './sampling/params.ts';

/**
 * Tokens of a sampler, which know their place in its token tree for as long as that lives: until the weights change. A
 * copy, such as one for another process, has no place.
 */
export class PlacedTokens implements SampledTokens {
  readonly prompt: Int32Array;
  readonly completion: Int32Array;
  readonly logprobs: Float32Array;
  readonly entropies: Float32Array;
  readonly #promptNode: WeakRef<TokenNode>;

  constructor({ prompt, completion, logprobs, entropies }: SampledTokens, promptNode: TokenNode) {
    this.prompt = prompt;
    this.completion = completion;
    this.logprobs = logprobs;
    this.entropies = entropies;
    this.#promptNode = new WeakRef(promptNode);
  }

  /** Where the prompt ends in the tree; undefined where the tokens have no place, or no longer have one. */
  static promptNode(tokens: SampledTokens): TokenNode | undefined {
    return #promptNode in tokens ? tokens.#promptNode.deref() : undefined;
  }
}

export class RunningGeneration {
  readonly prepared: PreparedParams;
  /** The network's logits are asked for: tokens are drawn from them here, and not on the device. */
  readonly needsLogits: boolean;
  readonly #prompt: Prompt;
  readonly #promptIds: Int32Array;
  readonly #promptNode: TokenNode;
  readonly #detokenizer: Detokenizer;
  #node: TokenNode;
  #drawn: DrawnToken | undefined;
  #result: Generation | undefined;
  readonly #tokens: number[] = [];
  readonly #logprobs: number[] = [];
  readonly #entropies: number[] = [];
  readonly #text: IncrementalDetokenizer;
  /** With its special tokens, where some stop text holds one. */
  readonly #wholeText: IncrementalDetokenizer | undefined;

  /** @param promptNode where the prompt ends in the tree */
  constructor(
    prompt: Prompt,
    { ids, node }: { readonly ids: Int32Array; readonly node: TokenNode },
    prepared: PreparedParams,
    detokenizer: Detokenizer,
    needsLogits: boolean,
  ) {
    this.#prompt = prompt;
    this.#promptIds = ids;
    this.#promptNode = node;
    this.#node = node;
    this.prepared = prepared;
    this.#detokenizer = detokenizer;
    this.needsLogits = needsLogits;
    this.#text = new IncrementalDetokenizer(detokenizer.text);
    this.#wholeText = prepared.specialStops.length > 0 ? new IncrementalDetokenizer(detokenizer.wholeText) : undefined;
  }

  /** The sequence so far: the next token comes after it. */
  get node(): TokenNode {
    return this.#node;
  }

  /** Once it is complete. */
  get result(): Generation | undefined {
    return this.#result;
  }

  /** Whole characters so far. */
  get text(): string {
    return this.#text.text;
  }

  /** The conversation has turns of the assistant: it may go on after this one. */
  get isConversation(): boolean {
    return this.#prompt.messages.some(({ role }) => role === 'assistant');
  }

  /** The random number in [0, 1) that decides the next token. */
  nextUniform(): number {
    return this.#prompt.random.nextFloat();
  }

  /** The device has drawn the next token. */
  setDrawn(drawn: DrawnToken): void {
    this.#drawn = drawn;
  }

  /** The token that the device has drawn, once. */
  takeDrawn(): DrawnToken | undefined {
    const drawn = this.#drawn;
    this.#drawn = undefined;
    return drawn;
  }

  /** Takes over what an equal generation has ended with, if its first token completes it. True where it did. */
  endAsBefore(token: number): boolean {
    if (this.#tokens.length > 0) return false;
    this.#result = this.prepared.oneToken.get(this.#node.child(token));
    return this.#result !== undefined;
  }

  /** Adds a token. @param isEnd it ends a turn of the model */
  push({ token, logprob, entropy }: DrawnToken, isEnd: boolean): void {
    this.#tokens.push(token);
    this.#logprobs.push(logprob);
    this.#entropies.push(entropy);
    const { params, specialStops, oneToken } = this.prepared;
    const stops = this.#grow(this.#text, token, params.stop);
    const isStopped = (this.#wholeText && this.#grow(this.#wholeText, token, specialStops)) || stops || isEnd;
    if (isStopped || this.#tokens.length === params.maxCompletionLength) {
      this.#result = this.#end(isStopped ? 'stop' : 'length');
      if (this.#tokens.length === 1) oneToken.set(this.#node.child(token), this.#result);
    } else {
      this.#node = this.#node.child(token);
    }
  }

  #grow(text: IncrementalDetokenizer, token: number, stop: readonly string[]): boolean {
    const from = Math.max(0, text.text.length - this.prepared.longestStop);
    text.push(token);
    return stop.some((one) => text.whole.includes(one, from));
  }

  #end(finish: Generation['finish']): Generation {
    const tokens = {
      prompt: this.#promptIds,
      completion: Int32Array.from(this.#tokens),
      logprobs: Float32Array.from(this.#logprobs),
      entropies: Float32Array.from(this.#entropies),
    };
    return {
      text: this.#detokenizer.text(this.#tokens),
      finish,
      tokens: new PlacedTokens(tokens, this.#promptNode),
    };
  }
}
