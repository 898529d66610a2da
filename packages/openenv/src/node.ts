// Entry `@ludic/openenv/node`: games as OpenEnv's environments.

export { serveOpenEnv } from './node/server.ts';
