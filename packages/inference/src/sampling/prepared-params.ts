// Sampling parameters with all that is derived from them once for many generations.

import type { TokenNode } from '@ludic/models/internal';
import type { Generation } from '../contract.ts';
import type { LanguageModel } from '../language-model.ts';
import { checkSampling, type SamplingParams } from './params.ts';
import { stopsWithSpecialTokens } from './special-token-stops.ts';

/** Parameters kept before the oldest are dropped. */
const MOST_PARAMS = 64;

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
  /** Generations of one token, by that token: one object for all episodes that draw it. */
  readonly oneToken: Map<TokenNode, Generation>;
}

export class PreparedParamsCache {
  readonly #model: Pick<LanguageModel, 'runtime' | 'tokenizer'>;
  readonly #known = new Map<string, PreparedParams>();

  constructor(model: Pick<LanguageModel, 'runtime' | 'tokenizer'>) {
    this.#model = model;
  }

  /** @throws PolicyError `bad_setting` */
  get(params: SamplingParams): PreparedParams {
    const { temperature, topK, topP, maxCompletionLength, stop } = params;
    const distributionKey = `${temperature} ${topK} ${topP}`;
    const key = JSON.stringify([distributionKey, maxCompletionLength, stop]);
    const known = this.#known.get(key);
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
    if (this.#known.size >= MOST_PARAMS) this.#known.delete(this.#known.keys().next().value!);
    this.#known.set(key, prepared);
    return prepared;
  }

  clear(): void {
    this.#known.clear();
  }
}
