// Games as environments of OpenEnv, on the loopback: four WebSocket messages (reset, step, state, close), and the schema that
// its clients look at. Each connection is an episode of its own.

import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { CheckedGame, type EnvironmentDefinition, reasonOf, rulesOf } from '@ludic/environments';
import { isObject, type JsonObject, parseObject } from '@ludic/io';
import { type WebSocket, WebSocketServer } from 'ws';

/** A game with its settings. */
export interface ServedGame {
  readonly definition: EnvironmentDefinition;
  /** Complete, as `resolveConfig` gives it. */
  readonly config: unknown;
}

/** A running server. */
export interface OpenEnvServer {
  /** Address for clients of OpenEnv. */
  readonly url: string;
  close(): Promise<void>;
}

/** Episodes at once, and bytes of a message. */
const MOST_SESSIONS = 1024;
const LONGEST_MESSAGE = 2 ** 20;

/**
 * Serves a game to clients of OpenEnv on this machine: actions are `{ message }`, the policy's whole reply; observations are
 * `{ rules, text, invalid }`. @param options.port 0 takes a free one
 */
export async function serveOpenEnv(game: ServedGame, { port = 0 } = {}): Promise<OpenEnvServer> {
  const server = createServer((request, response) => {
    const answer = PAGES[request.url ?? '']?.(game);
    response.writeHead(answer ? 200 : 404, { 'content-type': 'application/json' });
    response.end(JSON.stringify(answer ?? { detail: 'Not Found' }));
  });
  const sockets = new WebSocketServer({ noServer: true, maxPayload: LONGEST_MESSAGE });
  server.on('upgrade', (request, socket, head) => {
    const isWelcome = request.url === '/ws' && isOwnPage(request) && sockets.clients.size < MOST_SESSIONS;
    if (!isWelcome) return socket.end('HTTP/1.1 403 Forbidden\r\n\r\n');
    return sockets.handleUpgrade(request, socket, head, (opened) => new OpenEnvSession(game, opened));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => closed(server, sockets),
  };
}

/** Programs send no Origin; a page of another site does, and may not play here. */
function isOwnPage({ headers }: IncomingMessage): boolean {
  return headers.origin === undefined || headers.origin === `http://${headers.host}`;
}

async function closed(server: Server, sockets: WebSocketServer): Promise<void> {
  for (const socket of sockets.clients) socket.terminate();
  await new Promise((resolve) => server.close(resolve));
}

const text = (description: string) => ({ type: 'string', description });
const SCHEMA = {
  action: {
    type: 'object',
    properties: { message: text("The policy's whole reply, tags included") },
    required: ['message'],
  },
  observation: {
    type: 'object',
    properties: {
      rules: text('Rules of the game and form of replies'),
      text: text('What the game says'),
      invalid: { type: 'boolean', description: 'Whether the last reply had no readable or allowed action' },
    },
  },
  state: { type: 'object', properties: { episode_id: text('Seed of the episode'), step_count: { type: 'integer' } } },
};

const PAGES: Readonly<Record<string, (game: ServedGame) => JsonObject>> = {
  '/health': () => ({ status: 'healthy' }),
  '/schema': () => SCHEMA,
  '/metadata': ({ definition }) => ({ name: definition.id, description: definition.description, version: '1' }),
};

/** One client's episodes, one after the other. */
class OpenEnvSession {
  readonly #game: ServedGame;
  readonly #socket: WebSocket;
  #episode: CheckedGame | undefined;
  #seed = 0;
  #steps = 0;
  /** Messages are answered in their order, also where a game answers later. */
  #last: Promise<void> = Promise.resolve();

  constructor(game: ServedGame, socket: WebSocket) {
    this.#game = game;
    this.#socket = socket;
    socket.on('message', (data) => {
      this.#last = this.#last.then(() => this.#hear(String(data)));
    });
    socket.on('close', () => this.#episode?.close());
    socket.on('error', () => socket.terminate());
  }

  async #hear(line: string): Promise<void> {
    const message = parseObject(line);
    const fault = (code: string, why: string) => this.#say('error', { message: why, code });
    if (!message) return fault('INVALID_JSON', 'A message is a JSON object with a type.');
    const data = isObject(message.data) ? message.data : {};
    try {
      switch (message.type) {
        case 'reset':
          return this.#say('observation', await this.#reset(data));
        case 'step':
          return this.#say('observation', await this.#step(data));
        case 'state':
          return this.#say('state', { episode_id: String(this.#seed), step_count: this.#steps });
        case 'close':
          return this.#socket.close();
        default:
          return fault('UNKNOWN_TYPE', 'The types of messages are reset, step, state and close.');
      }
    } catch (error) {
      return fault('EXECUTION_ERROR', reasonOf(error));
    }
  }

  async #reset({ seed }: JsonObject): Promise<JsonObject> {
    const { definition, config } = this.#game;
    this.#episode?.close();
    const episode = new CheckedGame(definition, config);
    this.#seed = Number.isSafeInteger(seed) ? (seed as number) : this.#seed + 1;
    this.#steps = 0;
    const rules = rulesOf(definition, config);
    const said = await episode.reset(this.#seed);
    this.#episode = episode;
    return { observation: { rules, text: said, invalid: false }, reward: null, done: false };
  }

  async #step({ message }: JsonObject): Promise<JsonObject> {
    if (!this.#episode) throw new Error('No episode is running: send reset first.');
    if (typeof message !== 'string') throw new Error('An action has a text, message.');
    const { observation, reward, terminated, truncated, info } = await this.#episode.step(message);
    this.#steps++;
    const done = terminated || truncated;
    if (done) this.#episode = void this.#episode.close();
    return { observation: { rules: '', text: observation, invalid: info.invalid }, reward, done };
  }

  #say(type: string, data: JsonObject): void {
    this.#socket.send(JSON.stringify({ type, data }));
  }
}
