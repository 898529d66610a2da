// The measures of the house, of one tree.

import { basename, dirname, join } from 'node:path/posix';
import { type Declaration, type Module, type Modules, modulesOf } from './modules.ts';
import type { Tree } from './tree.ts';

export interface Measures {
  /** Lines with code in src of packages and apps, tests apart. */
  readonly codeLines: number;
  /** The same in everything else: tests, benchmarks, scripts. */
  readonly otherCodeLines: number;
  /** Lines of comment alone, of those and lines of code. */
  readonly commentShare: number;
  /** Types and classes that several source files declare, with the files. */
  readonly repeatedTypes: Readonly<Record<string, readonly string[]>>;
  readonly promisedExports: number;
  /** Exports of package entries that nothing outside uses, no document shows, and no export that is used is typed with. */
  readonly unusedExports: readonly string[];
  readonly undocumentedExports: readonly string[];
  /** Old idioms, by file. */
  readonly idioms: Readonly<Record<string, number>>;
  /** Folders with more source files than {@link MOST_FILES}. */
  readonly fullFolders: Readonly<Record<string, number>>;
  /** The longest source files with their lines. */
  readonly longest: readonly (readonly [string, number])[];
}

export const MOST_FILES = 15;
const IDIOMS = /\b(who|no|some|any)(ever|body)\b/gi;
const LONGEST = 10;

const isTest = (path: string) => /\.test\.tsx?$|^tests\/|\/(testing|fixtures)\/|\/testing\.ts$/.test(path);
const isSource = (path: string) => /^(packages|apps)\/[^/]+\/src\//.test(path) && !isTest(path);

export function measure(tree: Tree): Measures {
  const modules = modulesOf(tree);
  const all = [...modules.values()];
  const sources = all.filter(({ path }) => isSource(path));
  const sum = (list: readonly Module[], count: (module: Module) => number) =>
    list.reduce((n, each) => n + count(each), 0);
  const codeLines = sum(sources, (each) => each.codeLines);
  const commentLines = sum(sources, (each) => each.commentLines);
  return {
    codeLines,
    otherCodeLines: sum(all, (each) => each.codeLines) - codeLines,
    commentShare: commentLines / (commentLines + codeLines),
    repeatedTypes: repeatedTypes(sources),
    ...promises(tree, modules),
    idioms: Object.fromEntries(
      all.map(({ path, text }) => [path, [...text.matchAll(IDIOMS)].length] as const).filter(([, count]) => count > 0),
    ),
    fullFolders: fullFolders(all.filter(({ path }) => !isTest(path))),
    longest: sources
      .map(({ path, text }) => [path, text.split('\n').length - 1] as const)
      .sort((a, b) => b[1] - a[1])
      .slice(0, LONGEST),
  };
}

function repeatedTypes(sources: readonly Module[]): Record<string, string[]> {
  const places = new Map<string, string[]>();
  for (const { path, declarations } of sources)
    for (const { name, isType } of declarations) if (isType) places.set(name, [...(places.get(name) ?? []), path]);
  return Object.fromEntries([...places].filter(([, files]) => files.length > 1).sort());
}

function fullFolders(files: readonly Module[]): Record<string, number> {
  const counts = new Map<string, number>();
  for (const { path } of files) counts.set(dirname(path), (counts.get(dirname(path)) ?? 0) + 1);
  return Object.fromEntries([...counts].filter(([, count]) => count > MOST_FILES).sort((a, b) => b[1] - a[1]));
}

/** What the entries of packages export: which of it is used elsewhere, and which is described. */
function promises(tree: Tree, modules: Modules) {
  const documents = [...tree]
    .filter(([path]) => path.endsWith('.md') && !path.startsWith('docs/api/') && basename(path) !== 'CHANGELOG.md')
    .flatMap(([, text]) => [...text.matchAll(/```[\s\S]*?```|`[^`\n]+`/g)].map(([code]) => code))
    .join('\n');
  const unusedExports: string[] = [];
  const undocumentedExports: string[] = [];
  let promisedExports = 0;
  for (const [specifier, path] of entries(tree)) {
    const home = path.split('/').slice(0, 2).join('/');
    const used = new Set(
      [...modules.values()]
        .filter((module) => !module.path.startsWith(`${home}/`))
        .flatMap(({ imports }) => imports.filter(({ from }) => from === specifier || from === path))
        .map(({ name }) => name),
    );
    const promised = exportsOf(modules, path);
    promisedExports += promised.size;
    const needed = withTypes(
      promised,
      [...promised.keys()].filter((name) => used.has('*') || used.has(name) || mentions(documents, name)),
    );
    for (const [name, declared] of promised) {
      if (!needed.has(name)) unusedExports.push(`${specifier} ${name}`);
      if (declared?.isDocumented === false) undocumentedExports.push(`${specifier} ${name}`);
    }
  }
  return { promisedExports, unusedExports, undocumentedExports };
}

/** Entries by the name that others import them with; those for the house alone promise nothing. */
function entries(tree: Tree): (readonly [string, string])[] {
  return [...tree]
    .filter(([path]) => /^packages\/[^/]+\/package\.json$/.test(path))
    .flatMap(([path, text]) => {
      const { name, exports = {} } = JSON.parse(text) as { name: string; exports?: Record<string, unknown> };
      return Object.entries(exports).flatMap(([entry, file]) =>
        typeof file === 'string' && /\.tsx?$/.test(file) && !/\binternal\b/.test(entry)
          ? [[join(name, entry), join(dirname(path), file)] as const]
          : [],
      );
    });
}

const mentions = (text: string, name: string) => new RegExp(`\\b${name}\\b`).test(text);

/** The names, and the types that their signatures need, and so on. */
function withTypes(promised: ReadonlyMap<string, Declaration | undefined>, names: readonly string[]): Set<string> {
  const needed = new Set(names);
  // A set that grows while it is walked is walked to its end.
  for (const name of needed)
    for (const [other, declared] of promised)
      if (declared?.isType && mentions(promised.get(name)?.signature ?? '', other)) needed.add(other);
  return needed;
}

/** Exported names of a module, and their declarations; undefined for those of other packages. */
function exportsOf(modules: Modules, path: string): Map<string, Declaration | undefined> {
  const module = modules.get(path);
  const found = new Map<string, Declaration | undefined>();
  for (const { name, local, from } of module?.exports ?? []) {
    if (name === '*' && from !== undefined)
      for (const [each, declared] of exportsOf(modules, from)) found.set(each, declared);
    else if (name !== 'default') found.set(name, declarationOf(modules, path, local, from));
  }
  return found;
}

function declarationOf(modules: Modules, path: string, local: string, from?: string): Declaration | undefined {
  // Of another package: described there.
  if (from !== undefined) return modules.has(from) ? exportsOf(modules, from).get(local) : undefined;
  const own = modules.get(path)!.declarations.filter(({ name }) => name === local);
  return own.find(({ isDocumented }) => isDocumented) ?? own[0];
}
