// Commands that documents and headers of files name: there, and such that they run on the machine's own Node, which may
// know no TypeScript.

import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, it } from 'vitest';

const ROOT = resolve(import.meta.dirname, '..');
const texts = execFileSync('git', ['ls-files', '*.ts', '*.tsx', '*.md', '*.py', '*.sh'], {
  cwd: ROOT,
  encoding: 'utf8',
})
  .trim()
  .split('\n')
  .filter((path) => existsSync(join(ROOT, path)) && path !== 'tests/commands.test.ts')
  .map((path) => ({ path, text: readFileSync(join(ROOT, path), 'utf8') }));
const found = (pattern: RegExp) =>
  texts.flatMap(({ path, text }) => [...text.matchAll(pattern)].map((match) => ({ path, words: match.slice(1) })));

it('scripts of npm that are named are there', () => {
  const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  const named = found(/\bnpm run (?:--silent )?([a-z][\w-]*(?::[\w-]+)*)/g);
  expect(named.length).toBeGreaterThan(30);
  expect(named.filter(({ words: [name] }) => !(name! in scripts))).toEqual([]);
});

it('files that are run with npx node are there', () => {
  const named = found(/npx node ([\w./-]+\.ts)\b/g).filter(({ words: [file] }) => file!.includes('/'));
  expect(named.length).toBeGreaterThan(8);
  expect(named.filter(({ words: [file] }) => !existsSync(join(ROOT, file!)))).toEqual([]);
});

it('no text tells to run TypeScript with whatever Node there is', () => {
  expect(found(/(?:`|^\/\/.*: |^ *)(node [\w./-]+\.ts)\b/gm)).toEqual([]);
});
