export type { Generation, Question, SampledTokens } from './contract.ts';
export { PolicyError, type PolicyErrorCode } from './errors.ts';
export type { LanguageModel } from './language-model.ts';
export { openLanguageModel } from './open.ts';
export type { LanguageModelSettings } from './running-reply.ts';
export { type SampleOptions, Sampler, type SamplerOptions, type StreamedToken } from './sampler.ts';
export type { RatedToken, TokenChance } from './sampling/token-chances.ts';
export { Scorer, type TokenScorer } from './scorer.ts';
