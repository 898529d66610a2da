// For tests: a server on this machine that answers as W&B's API does, and is strict about what it is told. What it holds,
// what it was asked, and how it fails are in the test's hands.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

export interface Asked {
  readonly kind: 'viewer' | 'upsert' | 'stream' | 'other';
  readonly path: string;
  readonly body: Body;
}

type Body = Readonly<Record<string, unknown>>;

/** What goes wrong with one request. */
export type Fault =
  | { readonly kind: 'status'; readonly status: number; readonly headers?: Readonly<Record<string, string>> }
  /** Breaks the connection before anything was done, or after, so that the answer alone is lost. */
  | { readonly kind: 'cut'; readonly after: 'nothing' | 'everything' }
  | { readonly kind: 'body'; readonly text: string };

export interface StoredRun {
  readonly displayName: string;
  config: Record<string, { value: unknown }>;
  /** Lines by their place. */
  readonly history: Record<string, number>[];
  summary: Record<string, unknown>;
  /** Lines that came again for a place that had one. */
  again: number;
  /** Each exit code that it was told. */
  readonly exits: number[];
  heartbeats: number;
}

export const WANDB_KEY = '0123456789abcdef0123456789abcdef01234567';
export const ENTITY = 'some-team';

/** What was told that the true server would not take. */
class Wrong extends Error {}

export class WandbServer {
  /** By `entity/project/run`. */
  readonly runs = new Map<string, StoredRun>();
  readonly asked: Asked[] = [];
  /** Why requests were refused as malformed. */
  readonly complaints: string[] = [];
  /** Requests with another key than the right one. */
  strangers = 0;
  /** Decides for each request whether something goes wrong. */
  fault: (asked: Asked) => Fault | undefined = () => undefined;
  #server: Server | undefined;
  readonly #sockets = new Set<Socket>();
  #port = 0;

  static async start(): Promise<WandbServer> {
    const server = new WandbServer();
    await server.comeBack();
    return server;
  }

  get baseUrl(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** The only run there is. */
  get run(): StoredRun {
    if (this.runs.size !== 1) throw new Error(`there are ${this.runs.size} runs: ${[...this.runs.keys()].join()}`);
    return [...this.runs.values()][0]!;
  }

  /** Listens again, where it did before. */
  async comeBack(): Promise<void> {
    const server = createServer((request, response) => void this.#answer(request, response));
    server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(this.#port, '127.0.0.1', resolve);
    });
    this.#port = (server.address() as AddressInfo).port;
    this.#server = server;
  }

  /** Is gone, with every connection; what it holds stays. */
  async goAway(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (!server) return;
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of request) chunks.push(chunk);
    } catch {
      return;
    }
    const reply = (status: number, body: object, headers: Readonly<Record<string, string>> = {}) => {
      response.writeHead(status, { 'content-type': 'application/json', ...headers });
      response.end(JSON.stringify(body));
    };
    const authorization = request.headers.authorization ?? '';
    if (authorization !== `Basic ${Buffer.from(`api:${WANDB_KEY}`).toString('base64')}`) {
      this.strangers++;
      return reply(401, { error: 'user is not logged in' });
    }
    const path = request.url ?? '';
    let asked: Asked;
    try {
      if (request.method !== 'POST') throw new Wrong(`method ${request.method}`);
      if (request.headers['content-type'] !== 'application/json') throw new Wrong('content type');
      const body = objectIn(Buffer.concat(chunks).toString(), 'body');
      asked = { kind: kindOf(path, body), path, body };
    } catch (error) {
      this.complaints.push((error as Error).message);
      return reply(400, { error: (error as Error).message });
    }
    this.asked.push(asked);
    const fault = this.fault(asked);
    if (fault?.kind === 'cut' && fault.after === 'nothing') return void request.socket.destroy();
    if (fault?.kind === 'status') return reply(fault.status, { error: 'something is wrong' }, fault.headers);
    if (fault?.kind === 'body') return void response.end(fault.text);
    try {
      const [status, answer] = this.#do(asked);
      if (fault) return void request.socket.destroy();
      reply(status, answer);
    } catch (error) {
      if (!(error instanceof Wrong)) throw error;
      this.complaints.push(`${path}: ${error.message}`);
      reply(400, { error: error.message });
    }
  }

  #do({ kind, path, body }: Asked): [status: number, answer: object] {
    switch (kind) {
      case 'viewer':
        return [200, { data: { viewer: { id: 'VXNlcjox', entity: ENTITY } } }];
      case 'upsert':
        return [200, { data: { upsertBucket: this.#upsert(objectOf(body.variables, 'variables')) } }];
      case 'stream': {
        const run = this.runs.get(path.split('/').slice(2, 5).map(decodeURIComponent).join('/'));
        if (!run) return [404, { error: 'run not found' }];
        stream(run, body);
        return [200, { exitcode: null, limits: {} }];
      }
      case 'other':
        throw new Wrong('nothing is here');
      default:
        return kind satisfies never;
    }
  }

  #upsert(variables: Body): object {
    onlyKeys(variables, ['name', 'displayName', 'project', 'entity', 'config', 'jobType']);
    const text = (key: string): string => {
      const value = variables[key];
      if (typeof value !== 'string' || value === '') throw new Wrong(`${key} is ${JSON.stringify(value)}`);
      return value;
    };
    const [name, entity, project] = [text('name'), text('entity'), text('project')];
    if (!/^[0-9a-z]{8}$/.test(name)) throw new Wrong(`name ${name}`);
    const config = objectIn(text('config'), 'config') as Record<string, { value: unknown }>;
    for (const [key, value] of Object.entries(config)) {
      if (!('value' in objectOf(value, `config.${key}`))) throw new Wrong(`config.${key} has no value`);
    }
    const path = `${entity}/${project}/${name}`;
    const known = this.runs.get(path);
    const displayName = text('displayName');
    const run: StoredRun = known ?? {
      displayName,
      config,
      history: [],
      summary: {},
      again: 0,
      exits: [],
      heartbeats: 0,
    };
    run.config = config;
    this.runs.set(path, run);
    const bucket = {
      id: Buffer.from(`Run:v1:${name}:${project}:${entity}`).toString('base64'),
      name,
      displayName,
      historyLineCount: run.history.length,
      project: { name: project, entity: { name: entity } },
    };
    return { bucket, inserted: known === undefined };
  }
}

function kindOf(path: string, body: Body): Asked['kind'] {
  if (path === '/graphql') {
    onlyKeys(body, ['query', 'variables']);
    const query = String(body.query);
    if (/^\s*query\b[^{]*\{\s*viewer\s*\{[^}]*\bentity\b/.test(query)) return 'viewer';
    const asks = /^\s*mutation\b[\s\S]*\bupsertBucket\s*\(\s*input:[\s\S]*\bhistoryLineCount\b[\s\S]*\binserted\b/;
    if (asks.test(query)) return 'upsert';
  }
  return /^\/files\/[^/]+\/[^/]+\/[^/]+\/file_stream$/.test(path) ? 'stream' : 'other';
}

/** Takes an update whole, or not at all. */
function stream(run: StoredRun, body: Body): void {
  onlyKeys(body, ['files', 'complete', 'exitcode', 'dropped', 'uploaded']);
  const { complete, exitcode } = body;
  if (complete !== undefined && typeof complete !== 'boolean') throw new Wrong('complete is no truth value');
  if ((complete === true) !== Number.isInteger(exitcode)) throw new Wrong('complete without exitcode, or the reverse');
  const files = objectOf(body.files ?? {}, 'files');
  onlyKeys(files, ['wandb-history.jsonl', 'wandb-summary.json', 'wandb-events.jsonl', 'output.log']);
  const parts = Object.entries(files).map(([name, value]) => {
    const part = objectOf(value, name);
    onlyKeys(part, ['offset', 'content']);
    const { offset, content } = part;
    if (!Number.isInteger(offset) || (offset as number) < 0) throw new Wrong(`${name}: offset ${offset}`);
    if (!Array.isArray(content) || content.length === 0 || !content.every((line) => typeof line === 'string')) {
      throw new Wrong(`${name}: content is no list of lines`);
    }
    return { name, offset: offset as number, lines: content.map((line: string) => objectIn(line, name)) };
  });
  for (const { name, offset, lines } of parts) {
    if (name === 'wandb-summary.json') run.summary = { ...lines.at(-1) };
    if (name !== 'wandb-history.jsonl') continue;
    if (offset > run.history.length) throw new Wrong(`a gap: line ${offset} after ${run.history.length}`);
    for (const [i, line] of lines.entries()) {
      for (const key of ['_step', '_runtime', '_timestamp']) {
        if (typeof line[key] !== 'number') throw new Wrong(`history has no ${key}`);
      }
      const before = run.history[offset + i - 1];
      if (before && !((line._step as number) > before._step!))
        throw new Wrong(`step ${line._step} after ${before._step}`);
      if (offset + i < run.history.length) run.again++;
      run.history[offset + i] = line as Record<string, number>;
    }
  }
  if (parts.length === 0 && complete === undefined) run.heartbeats++;
  if (complete === true) run.exits.push(exitcode as number);
}

function objectIn(text: string, what: string): Body {
  try {
    return objectOf(JSON.parse(text), what);
  } catch {
    throw new Wrong(`${what} is no JSON object`);
  }
}

function objectOf(value: unknown, what: string): Body {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Wrong(`${what} is no object`);
  return value as Body;
}

function onlyKeys(value: Body, known: readonly string[]): void {
  for (const key of Object.keys(value)) if (!known.includes(key)) throw new Wrong(`unknown field ${key}`);
}
