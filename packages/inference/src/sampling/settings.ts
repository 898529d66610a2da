// Settings of sampling that make no sense are refused before anything is sampled.

import { PolicyError } from '../errors.ts';
import type { LanguageModelSettings } from '../running-reply.ts';

/** Below it quotients become too large for numbers; it is as good as 0 long before. */
const LEAST_TEMPERATURE = 1e-6;

/** @throws PolicyError `bad_setting` */
export function checkSampling({ temperature, topK, topP, maxCompletionLength }: LanguageModelSettings): void {
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
