// Entry `@ludic/inference/internal`: what other packages of this repository need and nothing else is promised.

export { PlacedTokens } from './contract.ts';
export { contextOverflow, type EndpointErrorCode } from './errors.ts';
export { type ResidentAdapter, trainedParameters } from './language-model.ts';
export { PromptEncoder } from './prompt-encoder.ts';
export { SLOTS_PER_RUN, TREE_CAPACITY } from './sampler.ts';
export { distributionOf, draw, logprobAt, notFinite } from './sampling/distribution.ts';
export { logSumExp, rateToken } from './sampling/logprobs.ts';
export { checkSampling } from './sampling/params.ts';
export { stopsWithSpecialTokens } from './sampling/special-token-stops.ts';
export { checkTokens } from './scorer.ts';
