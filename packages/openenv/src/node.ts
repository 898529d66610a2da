// Entry `@ludic/openenv/node`: games as OpenEnv's environments.

export { type OpenEnvServer, type ServedGame, serveOpenEnv } from './node/server.ts';
