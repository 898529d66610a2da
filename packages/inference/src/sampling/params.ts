// The parameters of sampling: which values are refused, and all that is derived of them once for many generations.

import type { Tokenizer } from '@ludic/models';
import type { TokenNode } from '@ludic/models/internal';
import type { Generation } from '../contract.ts';
import { PolicyError } from '../errors.ts';
import type { LanguageModel } from '../language-model.ts';

/** How tokens are drawn: temperature, then top-k, then top-p, as in transformers' generate. */
export interface SamplingParams {
  /** 0 takes the most likely token. */
  readonly temperature: number;
  /** Keep the k most likely tokens; 0 keeps all. */
  readonly topK: number;
  /** Keep the smallest set of most likely tokens whose probability reaches this; 1 keeps all. */
  readonly topP: number;
  /** Most tokens of one generation. */
  readonly maxCompletionLength: number;
  /** Texts after which a generation ends, such as `</move>`. */
  readonly stop: readonly string[];
}

/** Below it logit / temperature overflows; it is as good as 0 long before. */
const LEAST_TEMPERATURE = 1e-6;

/** @throws PolicyError `bad_setting` */
export function checkSampling({ temperature, topK, topP, maxCompletionLength }: SamplingParams): void {
  const refuse = (setting: string) => {
    throw new PolicyError('bad_setting', `The sampling setting ${setting} cannot be used.`);
  };
  if (!(temperature === 0 || (temperature >= LEAST_TEMPERATURE && temperature < Number.POSITIVE_INFINITY)))
    refuse(`temperature ${temperature} (0, or ${LEAST_TEMPERATURE} or more)`);
  if (!(Number.isInteger(topK) && topK >= 0)) refuse(`topK ${topK} (a whole number, 0 keeps all)`);
  if (!(topP > 0 && topP <= 1)) refuse(`topP ${topP} (above 0, at most 1)`);
  if (!(Number.isInteger(maxCompletionLength) && maxCompletionLength > 0))
    refuse(`maxCompletionLength ${maxCompletionLength} (a whole number above 0)`);
}

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

type TextCoder = Pick<Tokenizer, 'encode' | 'decode'>;

/**
 * The stop texts that contain a special token. The text of a generation leaves special tokens out, so these are searched
 * for in the text that keeps them.
 */
export const stopsWithSpecialTokens = (stop: readonly string[], tokenizer: TextCoder): readonly string[] =>
  stop.filter((text) => idsOf(text, tokenizer).some((id) => isSpecial(id, tokenizer)));

const isSpecial = (id: number, { decode }: TextCoder): boolean =>
  decode([id]) !== '' && decode([id], { skipSpecialTokens: true }) === '';

function idsOf(text: string, { encode }: TextCoder): readonly number[] {
  try {
    return Array.from(encode(text));
  } catch {
    // It contains a token without a row in the model, which is never drawn.
    return [];
  }
}
