// The walks of docs/architecture.md: numbered lists of the files that a value passes, each under a heading that says from
// where to where it goes and how many files it may take. Readers follow them, so they stay short, and true.

import { dirname, join, normalize } from 'node:path/posix';
import { describe, expect, it } from 'vitest';
import { type Modules, modulesOf } from '../bench/measure/modules.ts';
import { type Tree, treeHere } from '../bench/measure/tree.ts';

interface Walk {
  readonly title: string;
  readonly limit: number;
  /** In the order in which they are passed. */
  readonly files: readonly string[];
}

/** Sections such as `### From A to B (at most 30 files)`; their lists have items such as ``1. `path/of/file.ts`: what happens``. */
function walksOf(document: string): Walk[] {
  return document.split(/^(?=#+ )/m).flatMap((section) => {
    const [, title, limit] = /^#+ (From .+ to .+) \(at most (\d+) files\)$/m.exec(section) ?? [];
    if (title === undefined) return [];
    const items = section.match(/^\d+\. .*(?:\n +\S.*)*$/gm) ?? [];
    const files = items.flatMap((item) => [...item.matchAll(/`([\w./-]+\.tsx?)`/g)].map(([, path]) => path!));
    return [{ title, limit: Number(limit), files: [...new Set(files)] }];
  });
}

/** Entries of packages, by the name that others import. */
const entriesOf = (tree: Tree): ReadonlyMap<string, string> =>
  new Map(
    [...tree]
      .filter(([path]) => /^(?:apps|packages)\/[^/]+\/package\.json$/.test(path))
      .flatMap(([path, text]) => {
        const { name, exports = {} } = JSON.parse(text) as { name: string; exports?: Record<string, unknown> };
        return Object.entries(exports)
          .filter((entry): entry is [string, string] => typeof entry[1] === 'string')
          .map(([entry, file]) => [join(name, entry), join(dirname(path), file)] as const);
      }),
  );

/** The file that declares what a module exports under a name. */
function homeOf(modules: Modules, path: string, name: string): string {
  const found = modules.get(path)?.exports.find((each) => each.name === name);
  return found?.from === undefined ? path : homeOf(modules, found.from, found.local);
}

/** What a file leads to: the homes of what it imports, and the files that it names, as those of processes that it forks. */
function nextOf(modules: Modules, entries: ReadonlyMap<string, string>, path: string): Set<string> {
  const { imports, text } = modules.get(path)!;
  return new Set([
    ...imports.map(({ from, name }) => homeOf(modules, entries.get(from) ?? from, name)),
    ...[...text.matchAll(/'(\.{1,2}\/[\w./-]+\.tsx?)'/g)].map(([, to]) => normalize(join(dirname(path), to!))),
  ]);
}

/** What is wrong with a walk, a sentence each. */
function faultsOf({ title, limit, files }: Walk, tree: Tree): string[] {
  const missing = files.filter((path) => !tree.has(path));
  if (missing.length > 0) return missing.map((path) => `${title}: there is no ${path}`);
  const entries = entriesOf(tree);
  const read = new Set([...files, ...entries.values()]);
  const modules = modulesOf(new Map([...tree].filter(([path]) => read.has(path))));
  const reached = new Set(files.slice(0, 1));
  const faults = files.length > limit ? [`${title}: ${files.length} files are more than ${limit}`] : [];
  for (const path of files) {
    if (!reached.has(path)) faults.push(`${title}: no file before it leads to ${path}`);
    for (const next of nextOf(modules, entries, path)) reached.add(next);
  }
  return faults;
}

describe('a walk', () => {
  const tree: Tree = new Map([
    ['packages/far/package.json', '{"name": "@ludic/far", "exports": {".": "./src/index.ts"}}'],
    ['packages/far/src/index.ts', "export { work as begin } from './work.ts';"],
    ['packages/far/src/work.ts', 'export const work = 1;'],
    ['apps/a/first.ts', "import { begin } from '@ludic/far';\nfork(new URL('./forked.ts', import.meta.url), begin);"],
    ['apps/a/forked.ts', "export { other } from './last.ts';"],
    ['apps/a/last.ts', 'export const other = 2;'],
  ]);
  const faults = (limit: number, ...files: readonly string[]) =>
    faultsOf({ title: 'From A to B', limit, files }, tree).map((fault) => fault.slice('From A to B: '.length));

  it('goes through imports, entries of packages and processes that are forked', () => {
    const files = ['apps/a/first.ts', 'packages/far/src/work.ts', 'apps/a/forked.ts', 'apps/a/last.ts'];
    expect(faults(4, ...files)).toEqual([]);
  });

  it('has no gap, no file that is not there, and no more files than it may have', () => {
    expect(faults(4, 'apps/a/first.ts', 'apps/a/last.ts')).toEqual(['no file before it leads to apps/a/last.ts']);
    expect(faults(4, 'apps/a/first.ts', 'apps/a/gone.ts')).toEqual(['there is no apps/a/gone.ts']);
    expect(faults(1, 'apps/a/first.ts', 'apps/a/forked.ts')).toEqual(['2 files are more than 1']);
  });

  it('is read from its section', () => {
    const text =
      '## Walks\n\n### From A to B (at most 7 files)\n\nText `no/item.ts`.\n\n1. `a/b.ts`: one\n   `c.ts` more\n2. `d.ts`\n\nText `too.ts`.\n';
    expect(walksOf(`${text}\n### Other\n\n1. \`e.ts\`\n`)).toEqual([
      { title: 'From A to B', limit: 7, files: ['a/b.ts', 'c.ts', 'd.ts'] },
    ]);
  });
});

it('every walk of docs/architecture.md can be walked', () => {
  const tree = treeHere();
  const walks = walksOf(tree.get('docs/architecture.md')!);
  expect(walks.length).toBeGreaterThan(0);
  expect(walks.flatMap((walk) => faultsOf(walk, tree))).toEqual([]);
  for (const { files } of walks) expect(files.length).toBeGreaterThan(3);
});
