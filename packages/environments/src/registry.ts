// All games by name: those of this package, and those that a user registers.

import { resolveConfig } from './config.ts';
import type { EnvironmentDefinition } from './contract.ts';
import { EnvironmentError } from './errors.ts';
import { keyDoor } from './key-door/key-door.ts';
import { ticTacToe } from './tic-tac-toe/tic-tac-toe.ts';

/** Drops the config's type: the config of a game that is found by name comes from `resolveConfig`, which checks it. */
const untyped = (definition: EnvironmentDefinition<never>) => definition as unknown as EnvironmentDefinition;

const registry = new Map<string, EnvironmentDefinition>([
  [keyDoor.id, untyped(keyDoor)],
  [ticTacToe.id, untyped(ticTacToe)],
]);

/** The games by id. */
export const environments: ReadonlyMap<string, EnvironmentDefinition> = registry;

/** The ids of all games, those of this package first. */
export function environmentIds(): readonly string[] {
  return [...registry.keys()];
}

/** @throws EnvironmentError `unknown_environment`, naming the known ones. */
export function findEnvironment(id: string): EnvironmentDefinition {
  const definition = registry.get(id);
  if (definition) return definition;
  throw new EnvironmentError(
    'unknown_environment',
    `There is no environment ${JSON.stringify(id)}; the known ones are ${environmentIds().join(', ')}.`,
  );
}

/** Adds a game. @throws EnvironmentError `bad_definition` for a name that is taken or ill-formed, `bad_config` for bad defaults. */
export function registerEnvironment(definition: EnvironmentDefinition<never>): void {
  const { id, replyTag } = definition;
  if (!/^[a-z][a-z0-9_]*$/.test(id) || !/^[a-z][a-z0-9_]*$/.test(replyTag)) {
    const wanted = 'must be lower-case letters, digits and underscores';
    throw new EnvironmentError('bad_definition', `The id ${id} and the reply tag ${replyTag} of a game ${wanted}.`);
  }
  if (registry.has(id)) {
    throw new EnvironmentError('bad_definition', `There is already an environment ${id}; choose another id.`);
  }
  resolveConfig(definition);
  registry.set(id, untyped(definition));
}
