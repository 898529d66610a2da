// One sequence of tokens through a transformers.js model, on from any place that was reached before.

import type { Tensor } from '@huggingface/transformers';
import {
  type Cache,
  type Inputs,
  type LibraryModel,
  type LibraryNetwork,
  networkOf,
  nextInputs,
  rowsOf,
} from './network.ts';

/** Where a sequence has got to. It keeps the keys and values of all tokens up to there until it is left. */
export interface SequencePosition {
  readonly length: number;
  readonly cache: Cache | undefined;
}

export const START: SequencePosition = { length: 0, cache: undefined };

export class SequenceRunner {
  readonly #network: LibraryNetwork;
  readonly #Tensor: typeof Tensor;
  /** The graph tells what comes next after the last token alone. */
  #lastOnly = false;

  constructor(loaded: LibraryModel) {
    this.#network = networkOf(loaded);
    this.#Tensor = loaded.Tensor;
  }

  /** On by some tokens, at least one. @returns raw logits of what comes after each of them, or after the last alone */
  async go(
    from: SequencePosition,
    tokens: Int32Array,
    wanted: 'each' | 'last',
  ): Promise<{ readonly place: SequencePosition; readonly logits: readonly Float32Array[] }> {
    if (wanted === 'each' && this.#lastOnly && tokens.length > 1) return this.#oneByOne(from, tokens);
    const network = this.#network;
    const length = from.length + tokens.length;
    const inputs = (): Inputs => ({
      input_ids: new this.#Tensor('int64', BigInt64Array.from(tokens, BigInt), [1, tokens.length]),
      attention_mask: new this.#Tensor('int64', new BigInt64Array(length).fill(1n), [1, length]),
    });
    const keep = BigInt(wanted === 'each' ? tokens.length : 1);
    const outputs = await network.forward(
      network.prepare_inputs_for_generation(
        null,
        {
          ...inputs(),
          ...(from.cache && { past_key_values: from.cache }),
          ...(this.#network.sessions.model?.inputNames.includes('num_logits_to_keep') && {
            num_logits_to_keep: new this.#Tensor('int64', [keep], []),
          }),
        },
        null,
      ),
    );
    // Asked without the cache that there was, so that a new one is made and both remain.
    const { past_key_values: cache } = nextInputs(network, inputs(), outputs, [0]);
    const place = { length, cache };
    const logits = rowsOf(outputs.logits)[0]!;
    if (wanted === 'last') return { place, logits: logits.slice(-1) };
    if (logits.length === tokens.length) return { place, logits };
    this.#lastOnly = true;
    await this.leave(place);
    return this.#oneByOne(from, tokens);
  }

  async leave({ cache }: SequencePosition): Promise<void> {
    await cache?.dispose();
  }

  async #oneByOne(from: SequencePosition, tokens: Int32Array): ReturnType<SequenceRunner['go']> {
    const logits: Float32Array[] = [];
    let place = from;
    for (let i = 0; i < tokens.length; i++) {
      const here = place;
      try {
        const next = await this.go(here, tokens.subarray(i, i + 1), 'last');
        place = next.place;
        logits.push(next.logits[0]!);
      } finally {
        // Also where the rest fails.
        if (here !== from) await this.leave(here);
      }
    }
    return { place, logits };
  }
}
