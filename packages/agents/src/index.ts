// Agents that learn, without a server: rollouts as episodes, and the gateway as an application of requests and answers.

export type { Agent, AgentContext, AgentResult, AgentSettings } from './agent.ts';
export { agentEnvironment } from './define-agent.ts';
export { RolloutGateway } from './gateway.ts';
export type { AgentRollout, RolloutAddress, RolloutDesk } from './rollout.ts';
