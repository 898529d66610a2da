export type { Generation, Prompt, SampledTokens } from './contract.ts';
export { PolicyError, type PolicyErrorCode } from './errors.ts';
export type { LanguageModel } from './language-model.ts';
export { openLanguageModel } from './open.ts';
export { type SampleOptions, Sampler, type SamplerOptions, type StreamedToken } from './sampler.ts';
export type { RatedToken, TokenLogprob } from './sampling/logprobs.ts';
export type { SamplingParams } from './sampling/params.ts';
export { Scorer, type TokenScorer } from './scorer.ts';
export { ToolReplyReader } from './tool-replies.ts';
