// For tests: a server on this machine that answers as W&B's API does, and is as strict: documents are checked against a
// schema, updates against the run. What it holds, what it was asked, and how it fails are in the test's hands.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { gunzipSync } from 'node:zlib';
import { execute, type GraphQLError, getOperationAST, parse, validate } from 'graphql';
import {
  type Body,
  Deleted,
  ENTITY,
  objectIn,
  objectOf,
  type StoredRun,
  WANDB_KEY,
  WandbRuns,
  Wrong,
} from './wandb-runs.ts';
import { SCHEMA } from './wandb-schema.ts';

export { ENTITY, type StoredRun, WANDB_KEY } from './wandb-runs.ts';

const KINDS = { viewer: 'viewer', upsertBucket: 'upsert', model: 'run', createRunFiles: 'files' } as const;

export interface Asked {
  readonly kind: (typeof KINDS)[keyof typeof KINDS] | 'stream' | 'other';
  readonly path: string;
  readonly body: Body;
}

/** What goes wrong with one request. */
export type Fault =
  | {
      readonly kind: 'status';
      readonly status: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly text?: string;
    }
  /** Breaks the connection before anything was done, or after, so that the answer alone is lost. */
  | { readonly kind: 'cut'; readonly after: 'nothing' | 'everything' }
  | { readonly kind: 'body'; readonly text: string };

export class WandbServer {
  readonly store = new WandbRuns();
  readonly asked: Asked[] = [];
  /** Why requests were refused as malformed. */
  readonly complaints: string[] = [];
  /** Requests with another key than the right one. */
  strangers = 0;
  /** Decides for each request whether something goes wrong. */
  fault: (asked: Asked) => Fault | undefined = () => undefined;
  /** Headers of answers that are no faults. */
  headers: Readonly<Record<string, string>> = {};
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

  /** By `entity/project/run`. */
  get runs(): Map<string, StoredRun> {
    return this.store.runs;
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
    const path = request.url ?? '';
    // Files of the official client, which goes there without a key.
    if (path.startsWith('/upload/')) return reply(200, {});
    if (authorization !== `Basic ${Buffer.from(`api:${WANDB_KEY}`).toString('base64')}`) {
      this.strangers++;
      return reply(401, { error: 'user is not logged in' });
    }
    const raw = Buffer.concat(chunks);
    const text = (request.headers['content-encoding'] === 'gzip' ? gunzipSync(raw) : raw).toString();
    const wrong = (message: string) => {
      this.complaints.push(message);
      reply(400, path === '/graphql' ? { errors: [{ message }] } : { error: message });
    };
    let asked: Asked;
    try {
      if (request.method !== 'POST') throw new Wrong(`method ${request.method}`);
      if (request.headers['content-type'] !== 'application/json') throw new Wrong('content type');
      const body = objectIn(text, 'body');
      asked = { kind: path === '/graphql' ? graphqlKind(body) : kindOf(path), path, body };
    } catch (error) {
      return wrong((error as Error).message);
    }
    this.asked.push(asked);
    const fault = this.fault(asked);
    if (fault?.kind === 'cut' && fault.after === 'nothing') return void request.socket.destroy();
    if (fault?.kind === 'status') {
      if (fault.text === undefined) return reply(fault.status, { error: 'something is wrong' }, fault.headers);
      return void response.writeHead(fault.status, fault.headers).end(fault.text);
    }
    if (fault?.kind === 'body') return void response.end(fault.text);
    try {
      const [status, answer] = await this.#do(asked);
      if (fault) return void request.socket.destroy();
      reply(status, answer, this.headers);
    } catch (error) {
      if (!(error instanceof Wrong)) throw error;
      wrong(`${path}: ${error.message}`);
    }
  }

  async #do({ kind, path, body }: Asked): Promise<[status: number, answer: object]> {
    if (kind === 'other') throw new Wrong('nothing is here');
    if (kind === 'stream') {
      const taken = this.store.stream(path.split('/').slice(2, 5).map(decodeURIComponent).join('/'), body);
      return taken === 'taken' ? [200, { exitcode: null, limits: {} }] : [404, { error: 'run not found' }];
    }
    const { data, errors } = await execute({
      schema: SCHEMA,
      document: parse(String(body.query)),
      rootValue: this.#root(),
      variableValues: objectOf(body.variables ?? {}, 'variables'),
    });
    const failure: GraphQLError | undefined = errors?.[0];
    if (!failure) return [200, { data }];
    if (failure.originalError instanceof Deleted)
      return [409, { errors: [{ message: failure.message, path: failure.path }], data }];
    throw new Wrong(failure.message);
  }

  #root(): object {
    return {
      viewer: () => ({ id: 'VXNlcjox', entity: ENTITY, username: 'player' }),
      model: ({ name, entityName }: Body) => this.store.project(entityName, name),
      upsertBucket: ({ input }: { input: Parameters<WandbRuns['upsert']>[0] }) => this.store.upsert(input),
      createRunFiles: ({ input }: { input: { files: readonly string[]; runName: string } }) => ({
        runID: input.runName,
        uploadHeaders: [],
        files: input.files.map((name) => ({ name, uploadUrl: `${this.baseUrl}/upload/${encodeURIComponent(name)}` })),
      }),
    };
  }
}

/** What a document asks for; it must be whole and fit the schema. */
function graphqlKind(body: Body): Asked['kind'] {
  let document: ReturnType<typeof parse>;
  try {
    document = parse(String(body.query));
  } catch (error) {
    throw new Wrong((error as Error).message);
  }
  const [error] = validate(SCHEMA, document);
  if (error) throw new Wrong(error.message);
  const fields = getOperationAST(document)?.selectionSet.selections ?? [];
  const [field] = fields;
  if (fields.length !== 1 || field?.kind !== 'Field') throw new Wrong('one field of the API in a document');
  return KINDS[field.name.value as keyof typeof KINDS];
}

const kindOf = (path: string): Asked['kind'] =>
  /^\/files\/[^/]+\/[^/]+\/[^/]+\/file_stream$/.test(path) ? 'stream' : 'other';
