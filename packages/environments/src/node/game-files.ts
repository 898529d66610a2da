// Games in files and packages of the user: the person who starts a program names them, and they are registered under their
// ids. Nothing else may name one: a file is code.

import { createHash } from 'node:crypto';
import { readFile, realpath } from 'node:fs/promises';
import { registerHooks } from 'node:module';
import { extname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { EnvironmentDefinition } from '../contract.ts';
import { EnvironmentError } from '../errors.ts';
import { registerEnvironment } from '../registry.ts';

/** A file of games that was loaded. */
export interface GameFile {
  /** Absolute. */
  readonly path: string;
  /** URL of the module whose packages it imports. */
  readonly program: string;
  /** Of its own text, without what it imports. */
  readonly sha256: string;
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
  hookImports();
  const importer = pathToFileURL(join(folder, 'games.js')).href;
  try {
    const url = import.meta.resolve(`${FROM}${JSON.stringify([name, importer])}`);
    return url.startsWith('file:') ? fileURLToPath(url) : undefined;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ERR_MODULE_NOT_FOUND') return undefined;
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
  const [text, module] = await Promise.all([
    readFile(whole),
    // As Node names a module, behind links.
    realpath(whole).then((path) => pathToFileURL(path).href),
  ]).catch((error: Error) => {
    throw bad(error.message, error);
  });
  useProgram(module, program);
  const { default: given } = await import(module).catch((error: unknown) => {
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
  const sha256 = createHash('sha256').update(text).digest('hex');
  const file: GameFile = { path: whole, program, sha256, ids: [first, ...others] };
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

/** Modules of games, and the program whose packages each imports: of the files themselves, and of all that they import. */
const programOf = new Map<string, string>();
let isHooked = false;
/** Begins what is imported in place of a name that another module imports; the two follow as JSON. */
const FROM = 'ludic-game-package:';

function useProgram(module: string, program: string): void {
  programOf.set(module, program);
  hookImports();
}

function hookImports(): void {
  if (isHooked) return;
  isHooked = true;
  registerHooks({
    resolve(specifier, context, next) {
      if (specifier.startsWith(FROM)) {
        const [name, parentURL] = JSON.parse(specifier.slice(FROM.length)) as [string, string];
        return next(name, { ...context, parentURL });
      }
      const own = context.parentURL === undefined ? undefined : programOf.get(context.parentURL);
      if (own === undefined) return next(specifier, context);
      if (/^(@ludic\/|ludic$)/.test(specifier)) return next(specifier, { ...context, parentURL: own });
      const found = next(specifier, context);
      programOf.set(found.url, own);
      return found;
    },
  });
}
