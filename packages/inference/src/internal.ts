// Entry `@ludic/inference/internal`: what other packages of this repository need and nothing else is promised.

export { IncrementalDetokenizer } from './detokenizer.ts';
export type { EndpointErrorCode } from './errors.ts';
export { PlacedTokens } from './generation.ts';
export { type ResidentAdapter, trainedParameters } from './language-model.ts';
export { contextOverflow, PromptEncoder } from './prompt-encoder.ts';
export { SLOTS_PER_RUN, TREE_CAPACITY } from './sampler.ts';
export { distributionOf, draw, logprobAt, notFinite } from './sampling/distribution.ts';
export { logSumExp, rateToken } from './sampling/logprobs.ts';
export { checkSampling, stopsWithSpecialTokens } from './sampling/params.ts';
export { checkTokens } from './scorer.ts';
