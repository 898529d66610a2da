// Compiled files that find each other by path: no package of the repository is installed beside the tarball.

import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';

export interface Part {
  /** Such as `packages/random`. */
  readonly place: string;
  /** Of its package.json: sources by entry. */
  readonly exports?: Readonly<Record<string, string>>;
}

/** What one file takes from another, whichever way it is written. */
const IMPORTS = /(\bfrom |\bimport |\bimport\()(['"])([^'"\n]+)\2/g;
/** A file that becomes a process of its own. */
const SCRIPTS = /new URL\((['"])(\.[^'"\n]+)\.ts\1/g;

export const compiledFiles = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(js|d\.ts)$/.test(name) && !name.includes('node_modules'))
    .map((name) => join(folder, name));

/** Such as `@ludic/models` of `@ludic/models/node`. */
export const packageOf = (specifier: string): string =>
  specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');

/** @returns what a compiled file imports, as written */
export const importsOf = (text: string): string[] => [...text.matchAll(IMPORTS)].map((match) => match[3]!);

/** @throws Error where a file would look for one that is not there */
export function linkFiles(stage: string, parts: ReadonlyMap<string, Part>): void {
  for (const path of compiledFiles(stage)) {
    const toPath = (target: string) => {
      const steps = relative(dirname(path), target).split(sep).join('/');
      return steps.startsWith('.') ? steps : `./${steps}`;
    };
    const linked = (specifier: string) => {
      const part = parts.get(packageOf(specifier));
      if (!part) return specifier.replace(/^(\.{1,2}\/.*)\.ts$/, '$1.js');
      const source = part.exports?.[`.${specifier.slice(packageOf(specifier).length)}`];
      if (source === undefined) throw new Error(`${path} imports ${specifier}, which is no entry of its package.`);
      return toPath(join(stage, part.place, source.replace('./src/', './dist/').replace(/\.ts$/, '.js')));
    };
    const text = readFileSync(path, 'utf8')
      .replaceAll(IMPORTS, (_, before, quote, specifier) => `${before}${quote}${linked(specifier)}${quote}`)
      .replaceAll(SCRIPTS, (_, quote, script) => `new URL(${quote}${script}.js${quote}`)
      // What is advised must run where it is read.
      .replaceAll('npm run ludic --', 'npx ludic');
    writeFileSync(path, text);
    const lost = importsOf(text)
      .filter((specifier) => specifier.startsWith('.') && specifier.endsWith('.js'))
      .filter((specifier) => !existsSync(resolve(dirname(path), specifier)));
    if (lost.length > 0) throw new Error(`${path} imports ${lost.join(', ')}, which is not there.`);
  }
}
