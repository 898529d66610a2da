// For tests: a server on this machine that answers as the Hub does, and a second one that stands for its storage. What
// it holds, what it was asked, and how it fails are in the test's hands.

import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';

export interface Asked {
  readonly server: 'hub' | 'storage';
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  readonly range: string | undefined;
  readonly authorization: string | undefined;
}

/** What goes wrong with one request. */
export type Fault =
  | {
      readonly kind: 'status';
      readonly status: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly body?: string;
    }
  /** Sends so many bytes of the body, then breaks the connection. */
  | { readonly kind: 'cut'; readonly after: number }
  /** Sends so many bytes of the body, then nothing more. */
  | { readonly kind: 'silence'; readonly after: number }
  /** Changes the first byte of the body. */
  | { readonly kind: 'damage' }
  /** Answers a request for a part with the whole. */
  | { readonly kind: 'whole' };

export interface HubRepo {
  commit: string;
  readonly files: Map<string, Buffer>;
  /** Names that the listing claims besides. */
  readonly claims: Record<string, unknown>[];
}

export interface Committed {
  readonly repo: string;
  readonly branch: string;
  readonly summary: string;
  readonly files: ReadonlyMap<string, Buffer>;
}

export const TOKEN = 'hf_test';
const sha256 = (data: Buffer) => createHash('sha256').update(data).digest('hex');
const gitName = (data: Buffer) => createHash('sha1').update(`blob ${data.length}\0`).update(data).digest('hex');
/** Large files are kept in storage, as the Hub does by their names. */
const isLarge = (name: string) => /\.(safetensors|bin|onnx)$/.test(name);
/** Entries of a page of a listing: few, so that there are several pages. */
const PAGE = 4;

export class HubServer {
  readonly repos = new Map<string, HubRepo>();
  /** Names that lead on to others. */
  readonly renamed = new Map<string, string>();
  readonly asked: Asked[] = [];
  readonly commits: Committed[] = [];
  readonly created: Record<string, unknown>[] = [];
  readonly branches: string[] = [];
  /** Large files, by their SHA-256. */
  readonly stored = new Map<string, Buffer>();
  /** Decides for each request whether something goes wrong. */
  fault: (asked: Asked) => Fault | undefined = () => undefined;
  readonly #hub: Server;
  readonly #storage: Server;

  private constructor() {
    this.#hub = createServer((request, response) => this.#serve('hub', request, response));
    this.#storage = createServer((request, response) => this.#serve('storage', request, response));
  }

  static async start(): Promise<HubServer> {
    const server = new HubServer();
    for (const part of [server.#hub, server.#storage])
      await new Promise<void>((resolve) => part.listen(0, '127.0.0.1', resolve));
    return server;
  }

  get endpoint(): string {
    return address(this.#hub);
  }

  async close(): Promise<void> {
    for (const part of [this.#hub, this.#storage]) {
      part.closeAllConnections();
      await new Promise((resolve) => part.close(resolve));
    }
  }

  /** Publishes the files of a folder. */
  publish(name: string, folder: string | undefined, more: Readonly<Record<string, string | Uint8Array>> = {}): HubRepo {
    const files = new Map<string, Buffer>();
    for (const entry of folder === undefined ? [] : readdirSync(folder, { withFileTypes: true }))
      if (entry.isFile()) files.set(entry.name, readFileSync(join(entry.parentPath, entry.name)));
    for (const [file, data] of Object.entries(more)) files.set(file, Buffer.from(data as Uint8Array));
    const commit = createHash('sha1')
      .update(name)
      .update(Buffer.concat([...files.values()]))
      .digest('hex');
    const repo: HubRepo = { commit, files, claims: [] };
    this.repos.set(name, repo);
    return repo;
  }

  /** Requests for the bytes of files. */
  get transfers(): readonly Asked[] {
    return this.asked.filter(
      ({ server, method, path }) => method === 'GET' && (server === 'storage' || path.includes('/resolve/')),
    );
  }

  async #serve(server: Asked['server'], request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url!, 'http://any');
    const asked: Asked = {
      server,
      method: request.method!,
      path: decodeURIComponent(url.pathname),
      range: request.headers.range,
      authorization: request.headers.authorization,
    };
    this.asked.push(asked);
    const body = await bodyOf(request);
    const fault = this.fault(asked);
    if (fault?.kind === 'status') {
      response.writeHead(fault.status, fault.headers).end(fault.body ?? '');
      return;
    }
    if (server === 'storage') this.#serveStorage(asked, body, response, fault);
    else this.#serveHub(asked, url, body, response, fault);
  }

  #serveStorage(
    { method, path, range }: Asked,
    body: Buffer,
    response: ServerResponse,
    fault: Fault | undefined,
  ): void {
    const sha = path.split('/').at(-1)!;
    if (method === 'PUT') {
      this.stored.set(sha, body);
      response.end();
      return;
    }
    const data = [...this.repos.values()]
      .flatMap(({ files }) => [...files.values()])
      .find((file) => sha256(file) === sha);
    if (data) sendBytes(response, data, range, `"${sha}"`, fault);
    else response.writeHead(403).end();
  }

  #serveHub({ path, range }: Asked, url: URL, body: Buffer, response: ServerResponse, fault: Fault | undefined): void {
    const json = (value: unknown, headers: Readonly<Record<string, string>> = {}) =>
      response.writeHead(200, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(value));
    const missing = (code: string) => response.writeHead(404, { 'x-error-code': code }).end();
    const [, before, old] = /^(\/api\/models\/|\/)([^/]+)\/(?:revision|tree|resolve)\//.exec(path) ?? [];
    const renamed = this.renamed.get(old!);
    if (renamed !== undefined) {
      const location = `${before}${renamed}${path.slice(before!.length + old!.length)}${url.search}`;
      response.writeHead(307, { location }).end(`Temporary Redirect. Redirecting to ${location}`);
      return;
    }
    const api = /^\/api\/models\/([^/]+(?:\/[^/]+)?)\/(revision|tree|preupload|commit|branch)\/([^/]+)$/.exec(path);
    if (path === '/api/repos/create') {
      this.created.push(JSON.parse(body.toString()));
      const { organization, name } = this.created.at(-1)!;
      if (this.repos.has(`${organization}/${name}`))
        response.writeHead(409).end('{"error":"You already created this model repo"}');
      else json({ url: `${this.endpoint}/${organization}/${name}` });
      return;
    }
    if (api) {
      const [, name, what, revision] = api as unknown as [string, string, string, string];
      if (what === 'preupload') {
        const { files } = JSON.parse(body.toString()) as { files: { path: string }[] };
        json({ files: files.map((file) => ({ path: file.path, uploadMode: isLarge(file.path) ? 'lfs' : 'regular' })) });
      } else if (what === 'commit') {
        json(this.#commit(name, revision, body));
      } else if (what === 'branch') {
        this.branches.push(revision);
        json({});
      } else {
        const repo = this.repos.get(name);
        if (!repo) missing('RepoNotFound');
        else if (revision !== 'main' && revision !== repo.commit) missing('RevisionNotFound');
        else if (what === 'revision') json({ _id: '1', id: name, sha: repo.commit });
        else this.#list(repo, url, json);
      }
      return;
    }
    const batch = /^\/(.+)\.git\/info\/lfs\/objects\/batch$/.exec(path);
    if (batch) {
      const { objects } = JSON.parse(body.toString()) as { objects: { oid: string; size: number }[] };
      const upload = (oid: string) => ({ upload: { href: `${address(this.#storage)}/upload/${oid}` } });
      json({
        transfer: 'basic',
        objects: objects.map((object) => ({
          ...object,
          ...(!this.stored.has(object.oid) && { actions: upload(object.oid) }),
        })),
      });
      return;
    }
    const [, name, commit, file] = /^\/([^/]+\/[^/]+)\/resolve\/([^/]+)\/(.+)$/.exec(path) ?? [];
    const repo = this.repos.get(name!);
    const data = repo?.files.get(file!);
    if (!repo || !data || (commit !== 'main' && commit !== repo.commit)) missing('EntryNotFound');
    else if (isLarge(file!)) {
      const sha = sha256(data);
      const headers = {
        location: `${address(this.#storage)}/${sha}?signature=1`,
        'x-linked-etag': `"${sha}"`,
        'x-linked-size': String(data.length),
      };
      response.writeHead(302, { ...headers, 'x-repo-commit': repo.commit }).end();
    } else {
      response.setHeader('x-repo-commit', repo.commit);
      sendBytes(response, data, range, `"${gitName(data)}"`, fault);
    }
  }

  #list(repo: HubRepo, url: URL, json: (value: unknown, headers?: Record<string, string>) => unknown): void {
    const entries: unknown[] = [...repo.files].map(([path, data]) => ({
      type: 'file',
      path,
      size: data.length,
      oid: gitName(data),
      ...(isLarge(path) && { lfs: { oid: sha256(data), size: data.length, pointerSize: 130 } }),
    }));
    entries.push({ type: 'directory', path: 'onnx', oid: '0'.repeat(40), size: 0 }, ...repo.claims);
    const start = Number(url.searchParams.get('cursor') ?? 0);
    const next = start + PAGE;
    const link = `<${this.endpoint}${url.pathname}?cursor=${next}>; rel="next"`;
    json(entries.slice(start, next), next < entries.length ? { link } : {});
  }

  #commit(repo: string, branch: string, body: Buffer): object {
    const lines = body
      .toString()
      .split('\n')
      .map((line) => JSON.parse(line) as { key: string; value: Record<string, string> });
    const files = lines.flatMap(({ key, value }): [string, Buffer][] => {
      if (key === 'file') return [[value.path!, Buffer.from(value.content!, 'base64')]];
      return key === 'lfsFile' ? [[value.path!, this.stored.get(value.oid!)!]] : [];
    });
    this.commits.push({ repo, branch, summary: lines[0]!.value.summary!, files: new Map(files) });
    return { success: true, commitOid: 'c'.repeat(40), commitUrl: `${this.endpoint}/${repo}/commit/${'c'.repeat(40)}` };
  }
}

const address = (server: Server) => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

function sendBytes(
  response: ServerResponse,
  data: Buffer,
  range: string | undefined,
  etag: string,
  fault: Fault | undefined,
): void {
  const start = fault?.kind === 'whole' ? 0 : Number(/^bytes=(\d+)-$/.exec(range ?? '')?.[1] ?? 0);
  if (start >= data.length && start > 0) {
    response.writeHead(416).end();
    return;
  }
  let body = data.subarray(start);
  if (fault?.kind === 'damage') body = Buffer.concat([Buffer.from([(body[0]! + 1) % 256]), body.subarray(1)]);
  response.writeHead(start > 0 ? 206 : 200, {
    etag,
    'content-length': body.length,
    ...(start > 0 && { 'content-range': `bytes ${start}-${data.length - 1}/${data.length}` }),
  });
  if (fault?.kind !== 'cut' && fault?.kind !== 'silence') {
    response.end(body);
    return;
  }
  const sent = body.subarray(0, fault.after);
  if (fault.kind === 'silence') response.write(sent);
  // What has been written must have left before the connection goes.
  else response.write(sent, () => setTimeout(() => response.destroy(), 20));
}
