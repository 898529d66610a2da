// What has to be installed beside the tarball: what its files import, at the versions of the repository.

import { readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { compiledFiles, importsOf, packageOf } from './link.ts';

/** The page brings its own; in Node it would be 139 MB for nothing. */
const OF_THE_PAGE = new Set(['onnxruntime-web']);
/** Installed by those who use it, for it is large. */
const OPTIONAL = new Set(['@huggingface/transformers']);
/** Found by their place instead of imported. */
const BY_PLACE = ['onnxruntime-node', 'swagger-ui-dist'];

interface Dependencies {
  readonly dependencies?: Readonly<Record<string, string>>;
}

/** @throws Error where a file imports what no package.json names */
export function dependenciesOf(stage: string, parts: readonly Dependencies[]): object {
  const versions = Object.assign({}, ...parts.map(({ dependencies }) => dependencies)) as Record<string, string>;
  const imported = new Set(
    compiledFiles(stage)
      .filter((path) => path.endsWith('.js'))
      .flatMap((path) => importsOf(readFileSync(path, 'utf8')))
      .filter((specifier) => !specifier.startsWith('.') && !isBuiltin(specifier))
      .map(packageOf),
  );
  const entries = [...new Set([...imported, ...BY_PLACE])].sort().map((name) => {
    if (versions[name] === undefined) throw new Error(`No package.json says which version of ${name} is needed.`);
    // What its user installs may be newer.
    return [name, OPTIONAL.has(name) ? `^${versions[name]}` : versions[name]] as const;
  });
  const only = (wanted: (name: string) => boolean) => Object.fromEntries(entries.filter(([name]) => wanted(name)));
  const optional = only((name) => OPTIONAL.has(name));
  return {
    dependencies: only((name) => !OPTIONAL.has(name) && !OF_THE_PAGE.has(name)),
    peerDependencies: optional,
    peerDependenciesMeta: Object.fromEntries(Object.keys(optional).map((name) => [name, { optional: true }])),
  };
}
