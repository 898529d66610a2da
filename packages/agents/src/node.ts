// Entry `@ludic/agents/node`: agents of this process, whose gateway listens on the loopback.

export { defineAgent } from './node/define-agent.ts';
