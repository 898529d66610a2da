export type { ActOptions, GamePrompt, NoReply, Policy, PolicyRequest, Reply } from './contract.ts';
export { isReply } from './contract.ts';
export { LanguageModelPolicy, type PolicySettings } from './language-model-policy.ts';
export { scriptedPolicy } from './scripted.ts';
