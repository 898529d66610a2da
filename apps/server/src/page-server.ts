// The browser's app alone, for `ludic evaluator`: its files with the headers that its `_headers` names, and games of its user's
// that it is to know.

import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { getRequestListener } from '@hono/node-server';
import { Hono } from 'hono';
import { pageRoutes } from './routes/page.ts';

/** A module of games that every visitor gets. */
export interface PageGames {
  /** Of the file; changes with the text. */
  readonly name: string;
  readonly text: string;
}

export async function pageServer(folder: string, games?: PageGames): Promise<Server> {
  const common = Object.entries(await readHeaders(join(folder, '_headers')));
  const app = new Hono();
  app.use(async (context, next) => {
    await next();
    for (const [name, value] of common) context.res.headers.set(name, value);
  });
  if (games) await gameRoutes(app, folder, games);
  pageRoutes(app, folder);
  app.notFound((context) =>
    context.req.method === 'GET' || context.req.method === 'HEAD'
      ? context.text('There is no such file.\n', 404)
      : context.text('These are files: they can be read and nothing else.\n', 405, { Allow: 'GET, HEAD' }),
  );
  app.onError((_, context) => context.text('The file is gone.\n', 404));
  return createServer(getRequestListener(app.fetch, { overrideGlobalObjects: false }));
}

/** The page, which names the games, and the games. */
async function gameRoutes(app: Hono, folder: string, { name, text }: PageGames): Promise<void> {
  const page = await readFile(join(folder, 'index.html'), 'utf8');
  const link = `<link rel="games" href="./games/${name}" />`;
  const withGames = page.replace('</head>', `  ${link}\n  </head>`);
  for (const path of ['/', '/index.html'])
    app.get(path, (context) => context.html(withGames, 200, { 'Cache-Control': 'no-cache' }));
  app.get(`/games/${name}`, (context) => context.body(text, 200, { 'Content-Type': 'text/javascript; charset=utf-8' }));
}

/** The headers that a `_headers` file gives for all files, as static hosts read it. */
async function readHeaders(path: string): Promise<Readonly<Record<string, string>>> {
  const text = await readFile(path, 'utf8').catch(() => '');
  const lines = text.split('\n').filter((line) => /^\s+\S/.test(line));
  return Object.fromEntries(
    lines.map((line) => {
      const at = line.indexOf(':');
      return [line.slice(0, at).trim(), line.slice(at + 1).trim()];
    }),
  );
}
