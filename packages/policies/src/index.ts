export {
  type CarriedGame,
  carriedGameText,
  gameDifference,
  type PlayedGame,
  readCarriedGame,
} from './carried-game.ts';
export type { ActOptions, NoReply, Policy, Prompt, Reply, SampledTokens } from './contract.ts';
export { isReply } from './contract.ts';
export type { ResidentAdapter } from './decoder.ts';
export type { SamplingSettings } from './distribution.ts';
export { PolicyError, type PolicyErrorCode } from './errors.ts';
export { type LanguageModel, trainedParameters } from './language-model.ts';
export { LanguageModelPolicy, type PolicySettings } from './language-model-policy.ts';
export { openLanguageModel } from './open.ts';
export { PromptEncoder } from './prompt-encoder.ts';
export { REMEMBERED } from './remembered.ts';
export type { LanguageModelSettings, Question } from './running-reply.ts';
export {
  type SampleOptions,
  Sampler,
  type SamplerOptions,
  SLOTS_PER_RUN,
  type StreamedToken,
} from './sampler.ts';
export { Scorer, type TokenScorer } from './scorer.ts';
export { scriptedPolicy } from './scripted.ts';
export { chancesOf, type RatedToken, type TokenChance } from './token-chances.ts';
