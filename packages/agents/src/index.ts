// What an agent is. The entry for Node makes one.

export type { Agent, AgentContext, AgentResult, AgentSettings } from './agent.ts';
