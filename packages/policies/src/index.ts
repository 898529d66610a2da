export type { ActOptions, NoReply, Policy, Prompt, Reply, SampledTokens } from './contract.ts';
export type { SamplingSettings } from './distribution.ts';
export { PolicyError, type PolicyErrorCode } from './errors.ts';
export {
  type LanguageModel,
  LanguageModelPolicy,
  type LanguageModelSettings,
  trainedParameters,
} from './language-model.ts';
export { openLanguageModel } from './open.ts';
export { PromptEncoder } from './prompt-encoder.ts';
export { scriptedPolicy } from './scripted.ts';
