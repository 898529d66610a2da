// Files of code that a person names when a program is started, wherever these lie: loaded, with the packages of the program.

import { createHash } from 'node:crypto';
import { readFile, realpath } from 'node:fs/promises';
import { registerHooks } from 'node:module';
import { join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

/** Where code of the user came from. */
export interface UserFile {
  /** Absolute. */
  readonly path: string;
  /** URL of the module whose packages it imports. */
  readonly program: string;
  /** Of its own text, without what it imports. */
  readonly sha256: string;
}

/**
 * Loads a file of code. Imports of `ludic` and `@ludic/…` in it, and in what it imports, are those of `program`: it need not
 * lie beside them.
 * @param path absolute, or from the working directory @param program URL of a module that has these packages
 * @returns the file and its default export; rejects with what reading or loading it met
 */
export async function importUserFile(
  path: string,
  program: string,
): Promise<{ readonly file: UserFile; readonly given: unknown }> {
  const whole = resolve(path);
  const [text, module] = await Promise.all([
    readFile(whole),
    // As Node names a module, behind links.
    realpath(whole).then((real) => pathToFileURL(real).href),
  ]);
  programOf.set(module, program);
  hookImports();
  const { default: given } = await import(module);
  return { file: { path: whole, program, sha256: createHash('sha256').update(text).digest('hex') }, given };
}

/**
 * The file of a package, as an import in that folder finds it.
 * @returns undefined where there is no such package
 * @throws Error where it cannot be imported
 */
export function findUserPackage(name: string, folder: string): string | undefined {
  hookImports();
  const importer = pathToFileURL(join(folder, 'importer.js')).href;
  try {
    const url = import.meta.resolve(`${FROM}${JSON.stringify([name, importer])}`);
    return url.startsWith('file:') ? fileURLToPath(url) : undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_MODULE_NOT_FOUND') return undefined;
    throw error;
  }
}

/** Modules of the user, and the program whose packages each imports: of the files themselves, and of all that they import. */
const programOf = new Map<string, string>();
let isHooked = false;
/** Begins what is imported in place of a name that another module imports; the two follow as JSON. */
const FROM = 'ludic-user-package:';

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
      if (/^(@ludic\/|ludic(\/|$))/.test(specifier)) return next(specifier, { ...context, parentURL: own });
      const found = next(specifier, context);
      programOf.set(found.url, own);
      return found;
    },
  });
}
