// npm run api: writes docs/api, the reference of every promised export, from the doc comments. typedoc runs with the
// TypeScript of docs/api-tools, which `npm install` puts there when it is missing.

import { execFileSync } from 'node:child_process';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const ROOT = join(import.meta.dirname, '..');
const TOOLS = join(import.meta.dirname, 'api-tools');
const TYPEDOC = join(TOOLS, 'node_modules/typedoc/bin/typedoc');

/** The entries of all packages that are for users: sources, and none that is only for other packages of the repository. */
export function promisedEntries(): readonly string[] {
  return globSync('packages/*/package.json', { cwd: ROOT })
    .sort()
    .flatMap((path) => {
      const { exports } = JSON.parse(readFileSync(join(ROOT, path), 'utf8'));
      return Object.entries(exports as Record<string, string>)
        .filter(([name, target]) => target.endsWith('.ts') && !name.includes('/internal'))
        .map(([, target]) => join(dirname(path), target));
    });
}

if (import.meta.main) {
  const run = (command: string, ...args: readonly string[]) =>
    execFileSync(command, args, { cwd: ROOT, stdio: ['ignore', 'inherit', 'inherit'] });
  if (!existsSync(TYPEDOC)) run('npm', 'install', '--prefix', TOOLS, '--no-package-lock', '--ignore-scripts');
  run(
    process.execPath,
    TYPEDOC,
    ...promisedEntries(),
    ...['--plugin', join(TOOLS, 'module-names.mjs'), '--tsconfig', join(TOOLS, 'tsconfig.json')],
    ...['--out', join(import.meta.dirname, 'api'), '--name', 'Ludic'],
    // Types are checked by `npm run check`, with the repository's own TypeScript.
    ...['--readme', 'none', '--skipErrorChecking', '--excludePrivate', '--excludeInternal', '--disableSources'],
    ...['--validation.notExported', 'false', '--validation.invalidLink', 'false'],
  );
}
