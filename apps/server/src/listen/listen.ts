// Opens the port. Loopback may use plain HTTP; any other address needs TLS or a trusted proxy. Limits for slow clients, idle
// clients and the number of clients apply here, before the app runs.

import { createServer, type Server } from 'node:http';
import { createServer as createTlsServer, Server as TlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { getRequestListener, type Http2Bindings, type HttpBindings } from '@hono/node-server';
import type { ErrorAnswer, ErrorCode } from '@ludic/service';
import type { OnFileNews } from '../file-watch.ts';
import { isLoopback, isTrusted, type ProxyTrust } from '../http/address.ts';
import { StartupError } from '../startup-error.ts';
import { type TlsFiles, watchTls } from './tls.ts';

export interface ListenOptions {
  /** 127.0.0.1 by default. */
  readonly host?: string;
  /** 0 takes any free port. */
  readonly port: number;
  readonly tls?: TlsFiles | undefined;
  /** How often the TLS files are checked, and the callback for changes: as in `watchTls`. */
  readonly tlsCheckEveryMs?: number;
  readonly onTlsNews?: OnFileNews;
  readonly trust: ProxyTrust;
  /** A client that takes nothing of its answer for so long is cut off. Default: {@link STALLED_MS}. */
  readonly stalledMs?: number;
}

export interface Listening {
  readonly url: string;
  readonly port: number;
  /** Takes no more requests, lets those that run end within `graceMs`, and cuts off the rest. */
  readonly close: (graceMs?: number) => Promise<void>;
}

type Fetch = (request: Request, env: HttpBindings | Http2Bindings) => Response | Promise<Response>;

const LIMITS = {
  maxHeaderSize: 16 * 1024,
  headersTimeout: 10_000,
  /** For a whole request, body and all; how long an answer takes is not bounded. */
  requestTimeout: 30_000,
  /** Longer than proxies keep a connection, which else would send a request into one that is closing. */
  keepAliveTimeout: 75_000,
  connectionsCheckingInterval: 1_000,
  /** The app answers requests without one in the format of the contract. */
  requireHostHeader: false,
  /** TCP finds clients that vanished. */
  keepAlive: true,
  keepAliveInitialDelay: 30_000,
} as const;
const TLS = { minVersion: 'TLSv1.2' } as const;
const MOST_CONNECTIONS = 1024;
/** For one address that is neither this machine nor a trusted proxy. */
const MOST_CONNECTIONS_EACH = 256;
const MOST_HEADERS = 100;
const STALLED_MS = 60_000;

/** @throws StartupError before the port is open, with a sentence that says what to do */
export async function listen(fetch: Fetch, options: ListenOptions): Promise<Listening> {
  const { host = '127.0.0.1', port, tls, tlsCheckEveryMs, onTlsNews, trust, stalledMs = STALLED_MS } = options;
  if (!isLocal(host) && tls === undefined && trust.kind === 'none')
    throw new StartupError(
      'insecure_address',
      `On ${host} passwords would cross the network in the clear. Give --tls-cert and --tls-key, or --trust-proxy when a proxy in front of the server speaks HTTPS, or leave --host out to serve this machine alone.`,
    );
  const listener = getRequestListener(fetch, { overrideGlobalObjects: false, errorHandler: answerTo });
  const renewal = tls && (await watchTls(tls, tlsCheckEveryMs, onTlsNews));
  const server = renewal
    ? createTlsServer({ ...LIMITS, ...TLS, ...renewal.first, handshakeTimeout: 10_000 }, listener)
    : createServer(LIMITS, listener);
  server.maxConnections = MOST_CONNECTIONS;
  server.maxHeadersCount = MOST_HEADERS;
  boundEach(server, trust);
  cutStalled(server, stalledMs);
  const unused = unusedConnections(server, tls === undefined ? 'connection' : 'secureConnection');
  server.on('clientError', refuseBroken);
  // Whatever else a client expects, it gets an answer.
  server.on('checkExpectation', listener);
  await open(server, port, host);
  if (server instanceof TlsServer) renewal?.begin((pair) => server.setSecureContext({ ...TLS, ...pair }));
  const { port: taken } = server.address() as AddressInfo;
  const shown = host.includes(':') ? `[${host}]` : host;
  return {
    url: `${tls === undefined ? 'http' : 'https'}://${shown}:${taken}`,
    port: taken,
    close: (graceMs = 10_000) => {
      renewal?.close();
      return close(server, unused, graceMs);
    },
  };
}

const isLocal = (host: string) => host === 'localhost' || isLoopback(host);

/** Limits the connections of each remote address. */
function boundEach(server: Server, trust: ProxyTrust): void {
  const open = new Map<string, number>();
  server.on('connection', (socket: Socket) => {
    const address = socket.remoteAddress;
    if (address === undefined || isLoopback(address) || isTrusted(address, trust)) return;
    const count = (open.get(address) ?? 0) + 1;
    open.set(address, count);
    socket.once('close', () => {
      const left = open.get(address)! - 1;
      if (left === 0) open.delete(address);
      else open.set(address, left);
    });
    if (count > MOST_CONNECTIONS_EACH) socket.destroy();
  });
}

/**
 * Answers lie in memory until they are taken. A connection on which nothing has moved for a while is closed, unless an answer is
 * still being worked out; Node itself counts a large piece that goes out bit by bit as moving.
 */
function cutStalled(server: Server, afterMs: number): void {
  const answering = new Set<Duplex>();
  server.on('request', ({ socket }, response) => {
    answering.add(socket);
    response.once('close', () => answering.delete(socket));
  });
  server.setTimeout(afterMs, (socket) => {
    if (!answering.has(socket) || socket.writableLength > 0) socket.destroy();
  });
}

/** Answers where the app could not: for an invalid address, or a fault outside of its error handler. */
function answerTo(error: unknown): Response {
  const { name } = error as Partial<Error>;
  // The app's log does not have these faults.
  if (name !== 'RequestError') process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
  return name === 'RequestError'
    ? Response.json(errorOf('bad_request', 'The address or the Host header of the request cannot be read.'), {
        status: 400,
      })
    : Response.json(errorOf('internal', 'Something went wrong in the server; its log tells more.'), { status: 500 });
}

/** Answers a request that is not valid HTTP, has too large headers or arrived too slowly, and never reached the app. */
function refuseBroken(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const [status, body] =
    error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
      ? (['408 Request Timeout', errorOf('too_slow', 'The request took too long to arrive.')] as const)
      : ([
          '400 Bad Request',
          error.code === 'HPE_HEADER_OVERFLOW'
            ? errorOf('bad_request', `The headers are larger than ${LIMITS.maxHeaderSize} bytes.`)
            : errorOf('bad_request', 'The request is no valid HTTP.'),
        ] as const);
  const text = JSON.stringify(body);
  const head = [`HTTP/1.1 ${status}`, 'Connection: close', 'Content-Type: application/json'];
  socket.end(`${head.join('\r\n')}\r\nContent-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`);
}

const errorOf = (code: ErrorCode, message: string): ErrorAnswer => ({ error: { code, message, details: [] } });

async function open(server: Server, port: number, host: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject);
  try {
    server.listen({ port, host }, resolve);
    await promise;
  } catch (error) {
    throw new StartupError('cannot_listen', sentenceOf(error as NodeJS.ErrnoException, port, host), { cause: error });
  } finally {
    server.off('error', reject);
  }
}

function sentenceOf({ code }: NodeJS.ErrnoException, port: number, host: string): string {
  switch (code) {
    case 'ERR_SOCKET_BAD_PORT':
      return `${port} is no port. Choose one of 0 to 65535 with --port; 0 takes any that is free.`;
    case 'EADDRINUSE':
      return `Port ${port} on ${host} is taken. Stop what listens there, or choose another with --port.`;
    case 'EACCES':
      return `This user may not open port ${port}. Choose one above 1023 with --port.`;
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `${host} is no address of this machine. Choose another with --host; 0.0.0.0 means all of them.`;
    default:
      return `The server cannot listen on ${host}, port ${port} (${code}).`;
  }
}

/**
 * Connections that have brought no request yet, as browsers keep one in reserve. Node takes them for busy ones, and closing
 * would wait for them.
 */
function unusedConnections(server: Server, event: 'connection' | 'secureConnection'): ReadonlySet<Duplex> {
  const unused = new Set<Duplex>();
  server.on(event, (socket: Duplex) => {
    unused.add(socket);
    socket.once('close', () => unused.delete(socket));
  });
  server.on('request', ({ socket }) => unused.delete(socket));
  return unused;
}

async function close(server: Server, unused: ReadonlySet<Duplex>, graceMs: number): Promise<void> {
  const cutting = setTimeout(() => server.closeAllConnections(), graceMs);
  // Connections whose last answer has gone out are kept open for another request, which will not come.
  const sweeping = setInterval(() => server.closeIdleConnections(), 100);
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  for (const socket of unused) socket.destroy();
  await closed;
  clearTimeout(cutting);
  clearInterval(sweeping);
}
