// ludic openenv: serves a game to clients of OpenEnv on this machine, such as trainers in Python.

import { type EnvironmentDefinition, findEnvironment, resolveConfig } from '@ludic/environments';
import { serveOpenEnv } from '@ludic/openenv/node';
import { Command } from 'commander';
import { envConfigOption, readEnvConfig, whole } from '../options/input.ts';

interface OpenEnvOptions {
  readonly env: string;
  readonly envConfig: string;
  readonly port: number;
}

export function openenvCommand(): Command {
  return new Command('openenv')
    .description('Serve a game as an environment of OpenEnv, on this machine alone')
    .requiredOption('--env <id>', 'Game: an id of ludic games, a file such as ./my-game.ts, or a package')
    .addOption(envConfigOption())
    .option('--port <n>', 'Port of 127.0.0.1; 0 takes a free one', whole(0), 8000)
    .action(async ({ env, envConfig, port }: OpenEnvOptions) => {
      const definition: EnvironmentDefinition = findEnvironment(env);
      const config = resolveConfig(definition, readEnvConfig(envConfig));
      const server = await serveOpenEnv({ definition, config }, { port });
      console.log(`${definition.title} for clients of OpenEnv: ${server.url}`);
      const ended = Promise.withResolvers<void>();
      for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => ended.resolve());
      await ended.promise;
      await server.close();
    });
}
