// ludic evaluator: serves the page on this machine and opens it.

import { spawn } from 'node:child_process';
import type { AddressInfo } from 'node:net';
import { gameFiles } from '@ludic/environments/node';
import { Command } from 'commander';
import { UsageError } from '../failure.ts';
import { offeredGamesOption } from '../game-files.ts';
import { whole } from '../options/input.ts';
import { builtPage, precompressBeside } from './built-page.ts';
import { publishedGames } from './published-games.ts';

interface PageOptions {
  readonly port: number;
  readonly host: string;
  readonly open: boolean;
}

export function evaluatorCommand(): Command {
  return new Command('evaluator')
    .description('Open the page that evaluates and trains in the browser')
    .option('--port <n>', 'Port to listen at; 0: any free port', whole(0), 5173)
    .option(
      '--host <name>',
      'Address to listen at; 0.0.0.0 lets other machines in, without WebGPU and threads',
      '127.0.0.1',
    )
    .addOption(offeredGamesOption('Games of the page, published to every visitor beside those of Ludic'))
    .option('--no-open', 'Print the address and open no browser')
    .action(run);
}

async function run({ port, host, open }: PageOptions): Promise<void> {
  if (port > 65_535) throw new UsageError(`There is no port ${port}: the last is 65535.`);
  const folder = await builtPage();
  const { pageServer } = await import('@ludic/server/page');
  const files = gameFiles();
  const games = files.length > 0 ? await publishedGames(files) : undefined;
  const server = await pageServer(folder, games);
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const taken = error.code === 'EADDRINUSE' ? `Port ${port} is taken: choose another with --port.` : error.message;
      reject(new UsageError(taken));
    });
    server.listen(port, host, resolve);
  });
  precompressBeside();
  const url = `http://${host}:${(server.address() as AddressInfo).port}/`;
  if (games)
    console.log(`Every visitor gets the code of these files:\n${games.sources.map((path) => `  ${path}`).join('\n')}`);
  console.log(`The evaluator is at ${url}\nStop it with Ctrl-C.`);
  if (open && process.stdout.isTTY) openBrowser(url);
  const stop = () => {
    server.close();
    server.closeAllConnections();
  };
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
}

/** Fails silently: the address is printed in any case. */
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
