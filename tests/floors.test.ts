// The house: who may import whom, no circles, no clock and no global dice below the faces.

import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

const ROOT = resolve(import.meta.dirname, '..');

/** A package may import those on lower floors and nothing else. docs/architecture.md says what each is for. */
const FLOORS: readonly (readonly string[])[] = [
  ['packages/random', 'packages/io'],
  ['packages/environments', 'packages/history', 'packages/graph', 'packages/runtime'],
  ['packages/models', 'packages/openenv'],
  ['packages/inference', 'packages/hub'],
  ['packages/policies', 'packages/chat'],
  ['packages/rollouts'],
  ['packages/grpo'],
  ['packages/nano', 'packages/service', 'packages/tracking', 'packages/agents', 'packages/cluster'],
  ['packages/ludic'],
  ['apps/server'],
  ['apps/cli', 'apps/evaluator'],
];
const floorOf = new Map(FLOORS.flatMap((names, floor) => names.map((name) => [name, floor] as const)));

function sources(folder: string): string[] {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    if (name === 'node_modules' || name === 'dist') return [];
    if (statSync(path).isDirectory()) return sources(path);
    return /\.tsx?$/.test(path) && !path.endsWith('.test.ts') ? [path] : [];
  });
}

const packages = ['packages', 'apps'].flatMap((parent) =>
  readdirSync(join(ROOT, parent)).map((name) => `${parent}/${name}`),
);
const files = packages.flatMap((name) =>
  sources(join(ROOT, name, 'src')).map((path) => ({ name, path, text: readFileSync(path, 'utf8') })),
);
const importsOf = (text: string) =>
  [...text.matchAll(/^(?:import|export)\b[^;'`]*?from '([^']+)'|\bimport\('([^']+)'\)|^import '([^']+)'/gm)].map(
    (match) => (match[1] ?? match[2] ?? match[3])!,
  );
const isTypeOnly = (text: string, target: string) =>
  new RegExp(`import type [^;]*from '${target.replaceAll('.', '\\.')}'`).test(text);

describe('the house', () => {
  it('knows every package', () => {
    expect([...floorOf.keys()].sort()).toEqual([...packages].sort());
  });

  it('imports from lower floors alone', () => {
    const wrong = files.flatMap(({ name, path, text }) =>
      importsOf(text)
        .filter((target) => target.startsWith('@ludic/'))
        .map((target) => packages.find((each) => each.endsWith(`/${target.split('/')[1]}`))!)
        .filter((target) => !(floorOf.get(target)! < floorOf.get(name)!))
        .map((target) => `${relative(ROOT, path)} imports ${target}`),
    );
    expect(wrong).toEqual([]);
  });

  it('declares what it imports', () => {
    const wrong = files.flatMap(({ name, path, text }) => {
      const { dependencies, peerDependencies } = JSON.parse(readFileSync(join(ROOT, name, 'package.json'), 'utf8'));
      const declared = { ...dependencies, ...peerDependencies };
      return importsOf(text)
        .filter((target) => !target.startsWith('.') && !target.startsWith('node:'))
        .map((target) =>
          target
            .split('/')
            .slice(0, target.startsWith('@') ? 2 : 1)
            .join('/'),
        )
        .filter((target) => !(target in declared))
        .map((target) => `${relative(ROOT, path)} imports ${target}`);
    });
    expect(wrong).toEqual([]);
  });

  it('loads heavy libraries when they are asked for, not before', () => {
    const wrong = files
      .filter(({ text }) =>
        /^(?:import|export) (?!type\b)[^;'`]*?from '(?:@huggingface\/transformers|onnxruntime-(?:node|web)(?:\/\w+)?)'/m.test(
          text,
        ),
      )
      .map(({ path }) => relative(ROOT, path));
    expect(wrong).toEqual([]);
  });

  it('touches Node in the node entries alone', () => {
    /** Files that only a `node` entry reaches, and the Hub's client. */
    const allowed = /(\/node\.ts|\/node\/[\w-]+\.ts|packages\/hub\/src\/[\w-]+\.ts)$/;
    const wrong = files
      .filter(({ name, path }) => name.startsWith('packages/') && !allowed.test(path))
      .filter(({ text }) => importsOf(text).some((target) => target.startsWith('node:')) || /\bprocess\./.test(text))
      .map(({ path }) => relative(ROOT, path));
    expect(wrong).toEqual([]);
  });

  it('has no circle of imports between files', () => {
    const graph = new Map(
      files.map(({ path, text }) => [
        path,
        importsOf(text)
          .filter((target) => target.startsWith('.') && !isTypeOnly(text, target))
          .map((target) => resolve(dirname(path), target)),
      ]),
    );
    const done = new Set<string>();
    const circles: string[] = [];
    const visit = (path: string, trail: readonly string[]): void => {
      if (trail.includes(path)) {
        circles.push([...trail.slice(trail.indexOf(path)), path].map((file) => relative(ROOT, file)).join(' → '));
        return;
      }
      if (done.has(path)) return;
      for (const target of graph.get(path) ?? []) visit(target, [...trail, path]);
      done.add(path);
    };
    for (const path of graph.keys()) visit(path, []);
    expect(circles).toEqual([]);
  });

  it('takes no time and no dice from the machine below the faces', () => {
    /** Checksums are neither. */
    const harmless = /^import \{ createHash(, type Hash)? \} from 'node:crypto';$/m;
    const wrong = files
      // Keys that could be computed would keep no secret.
      .filter(({ path, name }) => name.startsWith('packages/') && !path.endsWith('/agents/src/node/secrets.ts'))
      .filter(({ text }) =>
        /\bMath\.random\b|\bDate\.now\b|\bnew Date\(\s*\)|\bDate\(\s*\)|(?<!-)\bperformance\b|\bcrypto\b/.test(
          text.replaceAll(/\/\/.*|\/\*[\s\S]*?\*\//g, '').replace(harmless, ''),
        ),
      )
      .map(({ path }) => relative(ROOT, path));
    expect(wrong).toEqual([]);
  });
});
