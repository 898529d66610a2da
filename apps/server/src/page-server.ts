// The browser's app alone, for `ludic evaluator`: its files with the headers that its `_headers` names.

import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { getRequestListener } from '@hono/node-server';
import { Hono } from 'hono';
import { pageRoutes } from './routes/page.ts';

export async function pageServer(folder: string): Promise<Server> {
  const common = Object.entries(await readHeaders(join(folder, '_headers')));
  const app = new Hono();
  app.use(async (context, next) => {
    await next();
    for (const [name, value] of common) context.res.headers.set(name, value);
  });
  pageRoutes(app, folder);
  app.notFound((context) =>
    context.req.method === 'GET' || context.req.method === 'HEAD'
      ? context.text('There is no such file.\n', 404)
      : context.text('These are files: they can be read and nothing else.\n', 405, { Allow: 'GET, HEAD' }),
  );
  app.onError((_, context) => context.text('The file is gone.\n', 404));
  return createServer(getRequestListener(app.fetch, { overrideGlobalObjects: false }));
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
