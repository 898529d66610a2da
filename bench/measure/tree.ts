// The texts of a tree, of a commit or as it stands here, by path.

import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

export type Tree = ReadonlyMap<string, string>;

const ROOT = resolve(import.meta.dirname, '../..');
const git = (args: readonly string[], input?: string) =>
  execFileSync('git', args, { cwd: ROOT, input, maxBuffer: 2 ** 30 });
const isRead = (path: string) => /\.(tsx?|md)$|(^|\/)package\.json$/.test(path);

/** What git tracks or would, as it stands. */
export function treeHere(): Tree {
  const paths = git(['ls-files', '--cached', '--others', '--exclude-standard']).toString().trim().split('\n');
  return new Map(
    paths
      .filter((path) => isRead(path) && existsSync(join(ROOT, path)))
      .map((path) => [path, readFileSync(join(ROOT, path), 'utf8')]),
  );
}

export function treeOf(commit: string): Tree {
  const paths = git(['ls-tree', '-r', '--name-only', commit]).toString().trim().split('\n').filter(isRead);
  const bytes = git(['cat-file', '--batch'], paths.map((path) => `${commit}:${path}\n`).join(''));
  const tree = new Map<string, string>();
  let at = 0;
  for (const path of paths) {
    const end = bytes.indexOf('\n', at);
    const size = Number(bytes.toString('utf8', at, end).split(' ').at(-1));
    tree.set(path, bytes.toString('utf8', end + 1, end + 1 + size));
    at = end + 1 + size + 1;
  }
  return tree;
}
