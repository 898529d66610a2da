// One generation while it is sampled, and the parameters that it shares with others.

import type { Generation, Prompt } from './contract.ts';
import { IncrementalDetokenizer } from './incremental-detokenizer.ts';
import type { DrawnToken } from './sampling/distribution.ts';
import type { SamplingParams } from './sampling/params.ts';
import type { TokenNode } from './token-node.ts';

/** Checked sampling parameters, with all that is derived from them. */
export interface PreparedParams {
  readonly params: SamplingParams;
  /** Equal for all parameters that give equal distributions. */
  readonly distributionKey: string;
  /** The device can draw with them: it knows neither top-k nor top-p. */
  readonly drawnOnDevice: boolean;
  /** Characters of the longest stop text. */
  readonly longestStop: number;
  /** Stop texts that hold a special token. */
  readonly specialStops: readonly string[];
  /** Generations of one token, by the node at which it was drawn: one object for all episodes that draw it. */
  readonly oneToken: Map<TokenNode, Map<number, Generation>>;
}

export class RunningGeneration {
  readonly prompt: Prompt;
  readonly prepared: PreparedParams;
  /** The prompt's tokens. */
  readonly ids: Int32Array;
  /** The node of the last token. */
  node: TokenNode;
  /** The next token, where the device has drawn it. */
  drawn: DrawnToken | undefined;
  /** Once it is complete. */
  result: Generation | undefined;
  readonly tokens: number[] = [];
  readonly #logprobs: number[] = [];
  readonly #entropies: number[] = [];
  readonly #text: IncrementalDetokenizer;
  /** With its special tokens, where some stop text holds one. */
  readonly #wholeText: IncrementalDetokenizer | undefined;

  constructor(
    prompt: Prompt,
    prepared: PreparedParams,
    ids: Int32Array,
    start: TokenNode,
    decode: (tokens: readonly number[]) => string,
    decodeWhole: (tokens: readonly number[]) => string,
  ) {
    this.prompt = prompt;
    this.prepared = prepared;
    this.ids = ids;
    this.node = start;
    this.#text = new IncrementalDetokenizer(decode);
    this.#wholeText = prepared.specialStops.length > 0 ? new IncrementalDetokenizer(decodeWhole) : undefined;
  }

  /** Whole characters so far. */
  get text(): string {
    return this.#text.text;
  }

  /** True when a stop text has been written. */
  push({ token, logprob, entropy }: DrawnToken): boolean {
    this.tokens.push(token);
    this.#logprobs.push(logprob);
    this.#entropies.push(entropy);
    const { params, specialStops } = this.prepared;
    const stopped = this.#grow(this.#text, token, params.stop);
    return (this.#wholeText && this.#grow(this.#wholeText, token, specialStops)) || stopped;
  }

  #grow(text: IncrementalDetokenizer, token: number, stop: readonly string[]): boolean {
    const from = Math.max(0, text.text.length - this.prepared.longestStop);
    text.push(token);
    return stop.some((one) => text.whole.includes(one, from));
  }

  /** @param text of all tokens */
  finish(finish: Generation['finish'], text: string): Generation {
    this.result = {
      text,
      finish,
      tokens: {
        prompt: this.ids,
        completion: Int32Array.from(this.tokens),
        logprobs: Float32Array.from(this.#logprobs),
        entropies: Float32Array.from(this.#entropies),
      },
    };
    return this.result;
  }
}
