// Entry `@ludic/inference/internal`: what other packages of this repository need and nothing else is promised.

export { contextOverflow, type EndpointErrorCode } from './errors.ts';
export { type ResidentAdapter, trainedParameters } from './language-model.ts';
export { PromptEncoder } from './prompt-encoder.ts';
export { SLOTS_PER_RUN } from './sampler.ts';
export { distributionOf, draw, logprobAt, notFinite } from './sampling/distribution.ts';
export { logSumExp, rateToken } from './sampling/logprobs.ts';
export { checkSampling } from './sampling/params.ts';
export { stopsWithSpecialTokens } from './sampling/special-token-stops.ts';
export { checkTokens } from './scorer.ts';
export { TREE_CAPACITY } from './token-tree.ts';
