// Entry `@ludic/inference/internal`: what other packages of this repository need and nothing else is promised.

export type { ResidentAdapter } from './decoder.ts';
export { contextOverflow, type EndpointErrorCode } from './errors.ts';
export { trainedParameters } from './language-model.ts';
export { PromptEncoder } from './prompt-encoder.ts';
export { REMEMBERED } from './remembered.ts';
export { SLOTS_PER_RUN } from './sampler.ts';
export { distributionOf, draw, logprobAt, notFinite, tokenAt } from './sampling/distribution.ts';
export { checkSampling } from './sampling/settings.ts';
export { stopsWithSpecialTokens } from './sampling/stop-texts.ts';
export { chancesOf, logTotal } from './sampling/token-chances.ts';
export { checkTokens } from './scorer.ts';
