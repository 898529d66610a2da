// The page as files. It is built when the files are missing or older than its sources.

import { fork, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { awaitLock } from '@ludic/io/node';
import { UsageError } from '../failure.ts';

const ROOT = join(import.meta.dirname, '../../../..');
const APP = join(ROOT, 'apps/evaluator');
/** JavaScript where Ludic is installed as a package: Node strips no types in node_modules. */
const PRECOMPRESS = join(APP, `precompress${extname(import.meta.filename)}`);
const VITE = join(ROOT, 'node_modules/vite/bin/vite.js');
const LOCK = join(APP, 'node_modules/.building');
const LONGEST_BUILD_MS = 300_000;

/** Builds the page if needed; of several processes one builds, and the others wait for it. @returns its folder */
export async function builtPage(): Promise<string> {
  const folder = join(APP, 'dist');
  if (await isBuilt(folder)) return folder;
  if (!existsSync(VITE))
    throw new UsageError('The page is not built, and Vite is not here to build it: run npm start once.');
  const lock = await awaitLock(LOCK, LONGEST_BUILD_MS);
  if (!lock) throw new Error('Another process builds the page and does not end.');
  try {
    if (!(await isBuilt(folder))) await build();
    return folder;
  } finally {
    lock.release();
  }
}

async function isBuilt(folder: string): Promise<boolean> {
  const built = await modified(join(folder, 'index.html'));
  // An installed package holds no sources that could be newer.
  if (built > 0 && !existsSync(join(APP, 'src'))) return true;
  return built > (await newestSource());
}

async function build(): Promise<void> {
  process.stderr.write('Building the page…\n');
  const child = spawn(process.execPath, [VITE, 'build', '--logLevel', 'warn'], {
    cwd: APP,
    stdio: ['ignore', 2, 2],
    // Else a page that is built by a test, or in a developer's shell, has the libraries' larger builds for development.
    env: { ...process.env, NODE_ENV: 'production' },
  });
  const code = await new Promise<number | null>((resolve, reject) => child.on('exit', resolve).on('error', reject));
  if (code !== 0) throw new Error('The page could not be built.');
}

/**
 * Lets a process beside this one write the page's compressed files, where some are missing: the page is served meanwhile.
 * An image whose files are all there, or that nothing can be written in, stays as it is.
 */
export function precompressBeside(): void {
  const child = fork(PRECOMPRESS, { stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
  child.on('error', () => {});
  child.unref();
  child.channel?.unref();
}

/** Time of the latest change to anything that the page is built of, in milliseconds. */
async function newestSource(): Promise<number> {
  const packages = await readdir(join(ROOT, 'packages'));
  const folders = [
    join(APP, 'src'),
    join(ROOT, 'packages/nano/model'),
    ...packages.map((name) => join(ROOT, 'packages', name, 'src')),
  ];
  const files = ['index.html', 'vite.config.ts', 'headers.ts', 'precompress.ts', 'package.json'].map((name) =>
    join(APP, name),
  );
  for (const folder of folders) {
    for (const entry of await readdir(folder, { recursive: true, withFileTypes: true }))
      if (entry.isFile()) files.push(join(entry.parentPath, entry.name));
  }
  return Math.max(...(await Promise.all(files.map(modified))));
}

const modified = (path: string) =>
  stat(path).then(
    ({ mtimeMs }) => mtimeMs,
    () => 0,
  );
