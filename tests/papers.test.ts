// Documents name files that exist: links, paths in backticks, the list of decisions, the table of packages.

import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

const ROOT = resolve(import.meta.dirname, '..');
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8');
const listed = execFileSync('git', ['ls-files', '*.md'], { cwd: ROOT, encoding: 'utf8' }).trim().split('\n');
const documents = listed.filter((path) => existsSync(join(ROOT, path))).map((path) => ({ path, text: read(path) }));
const decisions = readdirSync(join(ROOT, 'docs/decisions')).filter((name) => /^\d{4}-/.test(name));

/** Documents whose paths in backticks begin at the root. */
const FROM_ROOT = /^(?:docs\/(?:decisions\/.*|architecture|glossary|limits|benchmarks)|README|CONTRIBUTING)\.md$/;

describe('the documents', () => {
  it('link to files that exist', () => {
    const wrong = documents.flatMap(({ path, text }) =>
      [...text.matchAll(/\]\(([^)\s]+)\)/g)]
        .map(([, target]) => target!.replace(/#.*/, ''))
        .filter((target) => target !== '' && !/^\w+:/.test(target))
        .filter((target) => !existsSync(resolve(ROOT, dirname(path), target)))
        .map((target) => `${path} links to ${target}`),
    );
    expect(wrong).toEqual([]);
  });

  it('name paths of the repository that exist', () => {
    const named = documents
      .filter(({ path }) => FROM_ROOT.test(path))
      .flatMap(({ path, text }) =>
        [...text.matchAll(/`((?:apps|bench|deploy|docs|examples|packages|recipes|tests)\/[\w./-]+)`/g)].map(
          ([, target]) => ({ path, target: target! }),
        ),
      );
    expect(named.length).toBeGreaterThan(100);
    // Generated, and not committed.
    const wrong = named.filter(({ target }) => target !== 'docs/api' && !existsSync(join(ROOT, target)));
    expect(wrong.map(({ path, target }) => `${path} names ${target}`)).toEqual([]);
  });

  it('list every decision, in the order of the numbers', () => {
    expect(decisions.map((name) => Number(name.slice(0, 4)))).toEqual(decisions.map((_, i) => i + 1));
    const list = [...read('docs/decisions/README.md').matchAll(/^\d+\. \[(.*)\]\((\d{4}-.*\.md)\)$/gm)];
    expect(list.map(([, , name]) => name)).toEqual(decisions);
    for (const [, title, name] of list)
      expect(read(`docs/decisions/${name}`)).toMatch(new RegExp(`^# ${Number(name!.slice(0, 4))}\\. ${title}\n`));
  });

  it('show lines of code that are there', () => {
    const blocks = [...read('CONTRIBUTING.md').matchAll(/```ts\n\/\/ (\S+)\n([\s\S]*?)```/g)];
    expect(blocks.length).toBeGreaterThan(8);
    const wrong = blocks.flatMap(([, path, code]) =>
      code!
        .split('\n')
        .filter((line) => line.trim() !== '' && !read(path!).includes(line.trim()))
        .map((line) => `${path} has no line ${line}`),
    );
    expect(wrong).toEqual([]);
  });

  it('explain every input of a graph', () => {
    const sources = execFileSync('git', ['ls-files', 'packages/models/src', 'packages/grpo/src'], {
      cwd: ROOT,
      encoding: 'utf8',
    });
    const inputs = sources
      .trim()
      .split('\n')
      .filter((path) => path.endsWith('.ts') && !path.endsWith('.test.ts') && existsSync(join(ROOT, path)))
      .flatMap((path) => [...read(path).matchAll(/graph\.input\('(\w+)'/g)].map(([, name]) => name!));
    expect(inputs.length).toBeGreaterThan(20);
    const glossary = read('docs/glossary.md');
    expect([...new Set(inputs)].filter((name) => !glossary.includes(`\`${name}\``))).toEqual([]);
  });

  it('say what every package is for', () => {
    const table = read('docs/architecture.md');
    const names = ['apps', 'packages'].flatMap((parent) =>
      readdirSync(join(ROOT, parent)).map((name) => `${parent}/${name}`),
    );
    expect(names.filter((name) => !table.includes(`\`${name}\``))).toEqual([]);
  });
});
