// What users get: the built packages, packed and put into projects outside this repository. Installing what is packed is
// tests/installed.test.ts.

import { execFileSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const ROOT = resolve(import.meta.dirname, '..');
const PURE = ['random', 'io', 'environments', 'history'];
let scratch = '';
let tarballs: Record<string, string> = {};

const run = (command: string, args: readonly string[], cwd: string) =>
  execFileSync(command, args, {
    cwd,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });

/**
 * Packs every package as `pnpm publish` would: built files, the exports of `publishConfig`, real version numbers.
 * Done by hand because the test must not depend on which pnpm started it.
 */
function pack(name: string): string {
  const source = join(ROOT, 'packages', name);
  const target = join(scratch, 'packages', name);
  mkdirSync(target, { recursive: true });
  run('node_modules/.bin/tsc', ['-p', join(source, 'tsconfig.build.json'), '--outDir', join(target, 'dist')], ROOT);
  const {
    publishConfig,
    scripts: _,
    devDependencies: __,
    dependencies = {},
    ...manifest
  } = JSON.parse(readFileSync(join(source, 'package.json'), 'utf8'));
  const versions = Object.entries(dependencies as Record<string, string>).map(([dependency, version]) => [
    dependency,
    version.startsWith('workspace:') ? manifest.version : version,
  ]);
  writeFileSync(
    join(target, 'package.json'),
    JSON.stringify({ ...manifest, ...publishConfig, dependencies: Object.fromEntries(versions) }),
  );
  for (const extra of ['README.md', 'model']) {
    if ((manifest.files as string[]).includes(extra))
      cpSync(join(source, extra), join(target, extra), { recursive: true });
  }
  const [{ filename }] = JSON.parse(run('npm', ['pack', '--json', '--pack-destination', scratch], target));
  return join(scratch, filename.replace('@', '').replace('/', '-'));
}

beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), 'ludic-packages-'));
  tarballs = Object.fromEntries(
    readdirSync(join(ROOT, 'packages'))
      // It holds the others, and is made another way.
      .filter((name) => name !== 'ludic')
      .map((name) => [name, pack(name)]),
  );
}, 600_000);
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** A project with packed packages, and with the libraries that they name, as a package manager puts them there. */
function project(name: string, packages: readonly string[]): string {
  const folder = join(scratch, name);
  const modules = join(folder, 'node_modules');
  for (const each of packages) {
    const target = join(modules, '@ludic', each);
    mkdirSync(target, { recursive: true });
    run('tar', ['-xzf', tarballs[each]!, '-C', target, '--strip-components', '1'], folder);
    const { dependencies = {} } = JSON.parse(readFileSync(join(target, 'package.json'), 'utf8'));
    for (const library of Object.keys(dependencies).filter((id) => !id.startsWith('@ludic/'))) {
      const link = join(modules, library);
      mkdirSync(dirname(link), { recursive: true });
      if (!existsSync(link)) symlinkSync(realpathSync(join(ROOT, 'packages', each, 'node_modules', library)), link);
    }
  }
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name, private: true, type: 'module' }));
  return folder;
}

const GAME = `
import { resolveConfig, ticTacToe } from '@ludic/environments';
import { stream } from '@ludic/random';
const config = resolveConfig(ticTacToe, {});
export function playOne() {
  const environment = ticTacToe.create(config);
  environment.reset(1);
  const expert = ticTacToe.experts.expert(config);
  for (let random = stream(1); ; ) {
    const step = environment.step(expert.act(environment, random));
    if (step.terminated || step.truncated) return step.info.outcome;
  }
}
`;

describe('the packed packages', () => {
  it('play a game and run the embedded model in a plain JavaScript project', () => {
    const folder = project('plain', Object.keys(tarballs));
    writeFileSync(join(folder, 'game.js'), GAME);
    writeFileSync(
      join(folder, 'main.js'),
      `import { playOne } from './game.js';
import { fileURLToPath } from 'node:url';
import { findEnvironment, resolveConfig } from '@ludic/environments';
import { openModelFolder } from '@ludic/models/node';
import { NANO_FOLDER } from '@ludic/nano';
import { LanguageModelPolicy } from '@ludic/policies';
import { openLanguageModel } from '@ludic/inference';
import { evaluate } from '@ludic/rollouts';
import { createRuntime } from '@ludic/runtime/node';
const model = await openLanguageModel(await openModelFolder(fileURLToPath(NANO_FOLDER)), await createRuntime({ threads: 1 }));
const policy = new LanguageModelPolicy(model, { temperature: 1, topK: 0, topP: 1, maxCompletionLength: 16, stop: ['</move>'] });
const definition = findEnvironment('tic_tac_toe');
const { total_episodes } = await evaluate({ environment: definition, config: resolveConfig(definition, {}), history: 'NO_HISTORY', policy, episodes: 20, seed: 0 });
console.log(JSON.stringify({ outcome: playOne(), total_episodes }));`,
    );
    const { outcome, total_episodes } = JSON.parse(run(process.execPath, ['main.js'], folder));
    expect(['win', 'draw']).toContain(outcome);
    expect(total_episodes).toBe(20);
  }, 180_000);

  it('play a game in a page that Vite builds', () => {
    const folder = project('page', PURE);
    writeFileSync(join(folder, 'game.js'), GAME);
    writeFileSync(join(folder, 'index.html'), '<script type="module" src="./main.js"></script>');
    writeFileSync(join(folder, 'main.js'), "import { playOne } from './game.js'; globalThis.outcome = playOne();");
    run(process.execPath, [join(ROOT, 'node_modules/vite/bin/vite.js'), 'build', '--minify', 'false'], folder);
    const [bundle] = readdirSync(join(folder, 'dist/assets'));
    const text = readFileSync(join(folder, 'dist/assets', bundle!), 'utf8');
    expect(text).not.toMatch(/node:/);
    // What a browser would run: the bundle by itself, without any module of Node.
    writeFileSync(
      join(folder, 'check.js'),
      `globalThis.document ??= { createElement: () => ({ relList: { supports: () => true } }), querySelectorAll: () => [] }; await import('./dist/assets/${bundle}'); console.log(globalThis.outcome);`,
    );
    expect(['win', 'draw']).toContain(run(process.execPath, ['check.js'], folder).trim());
  }, 180_000);
});
