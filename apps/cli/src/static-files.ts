// A folder over HTTP: exactly the files that are in it when the server starts, with the headers that its `_headers` names.

import { createReadStream } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { extname, join, relative, sep } from 'node:path';
import { pipeline } from 'node:stream';

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json',
  '.svg': 'image/svg+xml',
  '.wasm': 'application/wasm',
};
/** Files whose names change with their content. */
const UNCHANGING = /-[\w-]{8}\.\w+$/;

export async function serveFolder(folder: string): Promise<Server> {
  const files = new Map<string, string>();
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isFile()) files.set(`/${relative(folder, path).split(sep).join('/')}`, path);
  }
  const common = await readHeaders(files.get('/_headers'));
  files.delete('/_headers');
  return createServer((request, response) => {
    const answer = (status: number, text: string, headers: Record<string, string> = {}) =>
      response.writeHead(status, { ...common, ...headers, 'content-type': 'text/plain; charset=utf-8' }).end(text);
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      answer(405, 'These are files: they can be read and nothing else.\n', { allow: 'GET, HEAD' });
      return;
    }
    const [name] = (request.url ?? '/').split('?', 1);
    const file = files.get(name === '/' ? '/index.html' : name!);
    if (!file) {
      answer(404, 'There is no such file.\n');
      return;
    }
    stat(file).then(
      ({ size }) => {
        response.writeHead(200, {
          ...common,
          'content-type': TYPES[extname(file)] ?? 'application/octet-stream',
          'content-length': size,
          'cache-control': UNCHANGING.test(file) ? 'public, max-age=31536000, immutable' : 'no-cache',
        });
        if (request.method === 'HEAD') response.end();
        // Who goes away in the middle wants no more: there is nobody to tell of it.
        else pipeline(createReadStream(file), response, () => {});
      },
      () => answer(404, 'The file is gone.\n'),
    );
  });
}

/** The headers that a `_headers` file gives for all files, as static hosts read it. */
async function readHeaders(path: string | undefined): Promise<Readonly<Record<string, string>>> {
  if (path === undefined) return {};
  const lines = (await readFile(path, 'utf8')).split('\n').filter((line) => /^\s+\S/.test(line));
  return Object.fromEntries(
    lines.map((line) => {
      const at = line.indexOf(':');
      return [line.slice(0, at).trim().toLowerCase(), line.slice(at + 1).trim()];
    }),
  );
}
