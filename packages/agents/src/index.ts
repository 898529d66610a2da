// What an agent is, and what one of another program says. The entry for Node makes environments of them.

export type { Agent, AgentContext, AgentResult, AgentSettings } from './agent.ts';
export type { LeaseClock } from './lease-desk.ts';
export { rolloutFinish, rolloutNoted, rolloutReward } from './lease-requests.ts';
