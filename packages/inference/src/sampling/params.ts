// The parameters of sampling, and which values are refused.

import { PolicyError } from '../errors.ts';

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
