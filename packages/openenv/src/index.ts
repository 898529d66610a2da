// OpenEnv's environments as games, in Node and in browsers. The entry for Node serves games as OpenEnv's environments.

export { type OpenEnvSettings, openEnv } from './open-env.ts';
