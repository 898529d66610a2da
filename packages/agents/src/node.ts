// Entry `@ludic/agents/node`: agents of this process, whose gateway listens on the loopback, and of other programs.

export { defineAgent } from './node/define-agent.ts';
export { LeasedAgents } from './node/leased-agents.ts';
