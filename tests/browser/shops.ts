// Where the page may load models from, for its tests: a hub that answers as the Hub does, from a folder, and servers of
// Ludic that are honest about their models but break off, or have what no page can hold.

import { createReadStream, readdirSync, statSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';

export interface Shop {
  readonly origin: string;
  /** Paths that were asked for. */
  readonly asked: string[];
  close(): void;
}

async function open(
  answer: (path: string, response: ServerResponse, headers: IncomingHttpHeaders) => void,
): Promise<Shop> {
  const asked: string[] = [];
  const server: Server = createServer(({ url, method, headers }, response) => {
    const { pathname } = new URL(url!, 'http://shop');
    response.setHeader('access-control-allow-origin', '*');
    response.setHeader('access-control-allow-headers', 'authorization, range, if-range');
    response.setHeader('access-control-expose-headers', 'etag, content-range');
    if (method === 'OPTIONS') {
      response.writeHead(204).end();
      return;
    }
    asked.push(pathname);
    answer(decodeURIComponent(pathname), response, headers);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}

const json = (response: ServerResponse, status: number, value: unknown) =>
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));

/** @param folders of models, by their ids */
export const openHub = (folders: Readonly<Record<string, string>>): Promise<Shop> =>
  open((path, response) => {
    for (const [id, folder] of Object.entries(folders)) {
      if (path === `/api/models/${id}/tree/main`) {
        const entries = readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => {
          const stat = statSync(join(folder, name));
          return {
            type: stat.isFile() ? 'file' : 'directory',
            oid: '0',
            size: stat.isFile() ? stat.size : 0,
            path: name,
          };
        });
        json(response, 200, entries);
        return;
      }
      const [, file] = path.split(`/${id}/resolve/main/`);
      const name = file === undefined ? undefined : join(folder, file);
      if (name !== undefined && statSync(name, { throwIfNoEntry: false })?.isFile()) {
        response.writeHead(200, { 'content-length': statSync(name).size });
        createReadStream(name).pipe(response);
        return;
      }
    }
    json(response, 401, { error: 'Repository not found' });
  });

export interface OddModel {
  readonly config: unknown;
  /** What the list says of its weights, in bytes. */
  readonly size: number;
  /** What comes of them before the connection breaks. */
  readonly sent?: Uint8Array;
  /** Who asks for the rest gets it, as long as the file has this tag. */
  readonly rest?: { readonly etag: string; readonly bytes: Uint8Array };
}

/** A server of Ludic whose models are odd. */
export const openOddServer = (models: Readonly<Record<string, OddModel>>): Promise<Shop> =>
  open((path, response, { range, 'if-range': ifRange }) => {
    if (path === '/models') {
      const listed = Object.entries(models).map(([name, { config, size }]) => ({
        name,
        kind: 'folder',
        status: 'ready',
        env_type: null,
        size_bytes: size,
        modified_at: new Date(0).toISOString(),
        files: [
          { path: 'config.json', size_bytes: JSON.stringify(config).length },
          { path: 'model.safetensors', size_bytes: size },
        ],
      }));
      json(response, 200, { models: listed });
      return;
    }
    const [, , name, file] = path.split('/');
    const model = models[name!];
    if (file === 'config.json' && model) json(response, 200, model.config);
    else if (file === 'model.safetensors' && model?.rest && range && ifRange === model.rest.etag) {
      const { etag, bytes } = model.rest;
      const from = Number(/^bytes=(\d+)-$/.exec(range)![1]);
      const content = `bytes ${from}-${bytes.length - 1}/${bytes.length}`;
      response
        .writeHead(206, { etag, 'content-range': content, 'content-length': bytes.length - from })
        .end(bytes.subarray(from));
    } else if (file === 'model.safetensors' && model?.sent) {
      if (model.rest) response.setHeader('etag', model.rest.etag);
      response.writeHead(200, { 'content-length': model.size });
      response.write(model.sent);
      setTimeout(() => response.destroy(), 50);
    } else json(response, 404, { error: { code: 'not_found', message: 'There is no such file.', details: [] } });
  });
