// Games in files and packages of the user: the person who starts a program names them, and they are registered under their
// ids. Nothing else may name one: a file is code.

import { extname, resolve } from 'node:path';
import { findUserPackage, importUserFile, type UserFile } from '@ludic/io/node';
import type { EnvironmentDefinition } from '../contract.ts';
import { EnvironmentError } from '../errors.ts';
import { registerEnvironment } from '../registry.ts';

/** A file of games that was loaded. */
export interface GameFile extends UserFile {
  /** Of its games, now in the registry. */
  readonly ids: readonly [string, ...string[]];
}

const loaded = new Map<string, GameFile>();

/** All that were loaded in this process, oldest first. */
export const gameFiles = (): readonly GameFile[] => [...loaded.values()];

const EXTENSIONS = ['.ts', '.mts', '.js', '.mjs'];

/** Whether a text names a file of games, and not an id or a package. */
export const isGameFile = (name: string): boolean =>
  EXTENSIONS.includes(extname(name)) || (/[/\\]/.test(name) && !name.startsWith('@'));

/** `name` or `@scope/name`, in the letters that npm allows. */
const PACKAGE = /^(@[a-z\d~-][\w.~-]*\/)?[a-z\d~-][\w.~-]*$/i;

/**
 * The file of a package, as an import in that folder finds it.
 * @returns undefined where there is no such package
 * @throws EnvironmentError `bad_definition` where it cannot be imported
 */
export function gamePackage(name: string, folder: string): string | undefined {
  if (!PACKAGE.test(name)) return undefined;
  try {
    return findUserPackage(name, folder);
  } catch (error) {
    const { message } = error as Error;
    throw new EnvironmentError('bad_definition', `The package ${name} cannot be used: ${message}`, { cause: error });
  }
}

/**
 * Loads a file whose default export is what `defineEnvironment` returns, or a list of such, and registers its games. Imports of
 * `ludic` and `@ludic/…` in it, and in what it imports, are those of `program`: a game need not lie beside them.
 * @param path absolute, or from the working directory @param program URL of a module that has these packages
 * @throws EnvironmentError `bad_definition`, which names the file
 */
export async function loadGameFile(path: string, program: string): Promise<GameFile> {
  const whole = resolve(path);
  const known = loaded.get(whole);
  if (known) return known;
  const bad = (why: string, cause?: unknown) =>
    new EnvironmentError('bad_definition', `The game ${path} cannot be played: ${why}`, { cause });
  const { file: origin, given } = await importUserFile(path, program).catch((error: unknown) => {
    throw bad(error instanceof Error ? error.message : String(error), error);
  });
  const definitions: readonly unknown[] = Array.isArray(given) ? given : [given];
  const games = definitions.filter(isDefinition);
  const [first, ...others] = games.map(({ id }) => id);
  if (first === undefined || games.length < definitions.length)
    throw bad('its default export must be what defineEnvironment returns, or a list of such.');
  try {
    for (const game of games) registerEnvironment(game as EnvironmentDefinition<never>);
  } catch (error) {
    throw bad((error as Error).message, error);
  }
  const file: GameFile = { ...origin, ids: [first, ...others] };
  loaded.set(whole, file);
  return file;
}

function isDefinition(given: unknown): given is EnvironmentDefinition {
  if (typeof given !== 'object' || given === null) return false;
  const { id, replyTag, configSchema, experts, create, systemPrompt } = given as Partial<EnvironmentDefinition>;
  const isText = typeof id === 'string' && typeof replyTag === 'string';
  const isWhole = typeof configSchema === 'object' && typeof experts === 'object' && experts !== null;
  return isText && isWhole && typeof create === 'function' && typeof systemPrompt === 'function';
}
