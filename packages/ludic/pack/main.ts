// npm run pack -- FOLDER: one tarball that `npm install` takes, with everything inside that is written here: library and
// command line as JavaScript with types, the page as it is built, nano, and the recipes. The tree inside is that of the
// repository with dist/ for src/, so paths between files hold; names of packages become paths.

import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { builtPage } from '../../../apps/cli/src/evaluator/built-page.ts';
import { dependenciesOf } from './dependencies.ts';
import { linkFiles } from './link.ts';

const ROOT = resolve(import.meta.dirname, '../../..');
const APPS = ['apps/cli', 'apps/server'];

const folder = resolve(process.argv[2] ?? '.');
const stage = mkdtempSync(join(tmpdir(), 'ludic-pack-'));
try {
  mkdirSync(folder, { recursive: true });
  const packages = readdirSync(join(ROOT, 'packages')).map((name) => `packages/${name}`);
  const parts = [...packages, ...APPS].map((place) => ({ place, ...readManifest(join(ROOT, place)) }));
  for (const { place, name, version, type } of parts) {
    compile(place);
    // A folder of its own version and of modules, as in the repository.
    writeFileSync(join(stage, place, 'package.json'), JSON.stringify({ name, version, type, private: true }));
  }
  linkFiles(stage, new Map(parts.map(({ name, place, exports }) => [name, { place, exports }])));
  const dependencies = dependenciesOf(stage, parts);
  cpSync(join(ROOT, 'packages/nano/model'), join(stage, 'packages/nano/model'), { recursive: true });
  // What is compressed is as large again, and is made where the page is first served.
  const filter = (path: string) => !/\.(br|gz)$/.test(path);
  cpSync(await builtPage(), join(stage, 'apps/evaluator/dist'), { recursive: true, filter });
  const precompress = stripTypeScriptTypes(readFileSync(join(ROOT, 'apps/evaluator/precompress.ts'), 'utf8'));
  writeFileSync(join(stage, 'apps/evaluator/precompress.js'), precompress);
  writeFileSync(join(stage, 'apps/evaluator/package.json'), JSON.stringify({ type: 'module', private: true }));
  mkdirSync(join(stage, 'recipes'));
  for (const name of readdirSync(join(ROOT, 'recipes')).filter((each) => each.endsWith('.json')))
    cpSync(join(ROOT, 'recipes', name), join(stage, 'recipes', name));
  for (const name of ['README.md', 'LICENSE']) cpSync(join(ROOT, name), join(stage, name));
  mkdirSync(join(stage, 'bin'));
  cpSync(join(import.meta.dirname, 'bin.js'), join(stage, 'bin/ludic.js'));
  chmodSync(join(stage, 'bin/ludic.js'), 0o755);

  const {
    publishConfig,
    scripts: _,
    dependencies: __,
    exports: ___,
    ...umbrella
  } = readManifest(join(ROOT, 'packages/ludic'));
  const manifest = { ...umbrella, ...publishConfig, ...dependencies };
  writeFileSync(join(stage, 'package.json'), `${JSON.stringify(manifest, undefined, 2)}\n`);
  const [{ filename }] = JSON.parse(
    execFileSync('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], {
      cwd: stage,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
      shell: process.platform === 'win32',
    }),
  );
  console.log(join(folder, filename));
} finally {
  rmSync(stage, { recursive: true, force: true });
}

export interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly type: string;
  readonly exports: Readonly<Record<string, string>>;
  readonly publishConfig?: object;
  readonly scripts?: object;
  readonly dependencies?: Readonly<Record<string, string>>;
}

function readManifest(place: string): Manifest {
  return JSON.parse(readFileSync(join(place, 'package.json'), 'utf8'));
}

function compile(place: string): void {
  const compiler = join(ROOT, 'node_modules/typescript/bin/tsc');
  const out = join(stage, place, 'dist');
  execFileSync(
    process.execPath,
    [compiler, '-p', join(ROOT, place, 'tsconfig.build.json'), '--outDir', out, '--sourceMap', 'false'],
    { stdio: 'inherit' },
  );
}
