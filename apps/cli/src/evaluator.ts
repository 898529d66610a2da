// ludic evaluator: the page, from this machine. It is built when it is not there, or when its sources are newer.

import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { Command } from 'commander';
import { UsageError } from './failure.ts';
import { whole } from './input.ts';
import { serveFolder } from './static-files.ts';

const ROOT = join(import.meta.dirname, '../../..');
const APP = join(ROOT, 'apps/evaluator');
const VITE = join(ROOT, 'node_modules/vite/bin/vite.js');

interface Options {
  readonly port: number;
  readonly host: string;
  readonly open: boolean;
}

export function evaluatorCommand(): Command {
  return new Command('evaluator')
    .description('open the page that evaluates and trains in the browser')
    .option('--port <n>', 'where it listens; 0: any free port', whole(0), 5173)
    .option(
      '--host <name>',
      'the address it listens at; other machines reach it at 0.0.0.0, without WebGPU and threads',
      '127.0.0.1',
    )
    .option('--no-open', 'print the address and open no browser')
    .action(run);
}

async function run({ port, host, open }: Options): Promise<void> {
  if (port > 65_535) throw new UsageError(`There is no port ${port}: the last is 65535.`);
  const folder = await builtPage();
  const server = await serveFolder(folder);
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const taken = error.code === 'EADDRINUSE' ? `Port ${port} is taken: choose another with --port.` : error.message;
      reject(new UsageError(taken));
    });
    server.listen(port, host, resolve);
  });
  const url = `http://${host}:${(server.address() as AddressInfo).port}/`;
  console.log(`The evaluator is at ${url}\nStop it with Ctrl-C.`);
  if (open && process.stdout.isTTY) openBrowser(url);
  const stop = () => {
    server.close();
    server.closeAllConnections();
  };
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
}

/** The folder of the page as it is built, after it was built if need be. */
export async function builtPage(): Promise<string> {
  const folder = join(APP, 'dist');
  const built = await modified(join(folder, 'index.html'));
  if (built > (await newestSource())) return folder;
  if (!existsSync(VITE))
    throw new UsageError('The page is not built, and Vite is not here to build it: run npm start once.');
  process.stderr.write('Building the page…\n');
  const child = spawn(process.execPath, [VITE, 'build', '--logLevel', 'warn'], { cwd: APP, stdio: ['ignore', 2, 2] });
  const code = await new Promise<number | null>((resolve, reject) => child.on('exit', resolve).on('error', reject));
  if (code !== 0) throw new Error('The page could not be built.');
  return folder;
}

/** When the latest change was made to what the page is built of, in ms. */
async function newestSource(): Promise<number> {
  const packages = await readdir(join(ROOT, 'packages'));
  const folders = [
    join(APP, 'src'),
    join(ROOT, 'packages/nano/model'),
    ...packages.map((name) => join(ROOT, 'packages', name, 'src')),
  ];
  const files = ['index.html', 'vite.config.ts', 'headers.ts', 'package.json'].map((name) => join(APP, name));
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

/** Best effort: the address is printed in any case. */
function openBrowser(url: string): void {
  const [command, args] =
    process.platform === 'darwin'
      ? ['open', [url]]
      : process.platform === 'win32'
        ? ['cmd', ['/c', 'start', '', url]]
        : ['xdg-open', [url]];
  spawn(command as string, args as string[], { stdio: 'ignore', detached: true })
    .on('error', () => {})
    .unref();
}
