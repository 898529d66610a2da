// The connection to the NATS server: where it is, who asks, and what is said when it fails.

import { readFile } from 'node:fs/promises';
import { sleep } from '@ludic/io';
import { type JetStreamClient, type JetStreamManager, jetstream, jetstreamManager } from '@nats-io/jetstream';
import { type ObjectStore, Objm } from '@nats-io/obj';
import {
  type ConnectionOptions,
  connect,
  credsAuthenticator,
  type NatsConnection,
  PermissionViolationError,
} from '@nats-io/transport-node';
import { ClusterError } from '../errors.ts';

/** Where the NATS server is, and who asks. */
export interface NatsOptions {
  /** `nats://HOST:PORT`, or `tls://`; several with commas between. A user and password, or a token, may stand before the host. */
  readonly url: string;
  readonly user?: string | undefined;
  readonly password?: string | undefined;
  readonly token?: string | undefined;
  /** Paths: a creds file of NATS; certificates for TLS. */
  readonly creds?: string | undefined;
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
}

/** Variables of the environment that NATS's own command line knows. */
export const natsOptions = (url: string, environment: Readonly<Record<string, string | undefined>>): NatsOptions => ({
  url,
  user: environment.NATS_USER,
  password: environment.NATS_PASSWORD,
  token: environment.NATS_TOKEN,
  creds: environment.NATS_CREDS,
  ca: environment.NATS_CA,
  cert: environment.NATS_CERT,
  key: environment.NATS_KEY,
});

interface Address {
  /** As they may be shown: without user and password. */
  readonly servers: readonly string[];
  readonly tls: boolean;
  readonly user?: string;
  readonly password?: string;
}

/** @throws ClusterError `bad_url` */
export function readAddress(urls: string): Address {
  const parsed = urls.split(',').map((text) => {
    const url = URL.parse(text.trim());
    if (!url || !['nats:', 'tls:'].includes(url.protocol) || url.hostname === '')
      throw new ClusterError('bad_url', 'The address of a NATS server is needed, such as nats://192.168.1.10:4222.');
    return url;
  });
  const { username, password } = parsed[0]!;
  return {
    servers: parsed.map(({ hostname, port }) => `${hostname}:${port || 4222}`),
    tls: parsed.some(({ protocol }) => protocol === 'tls:'),
    ...(username !== '' && { user: decodeURIComponent(username) }),
    ...(password !== '' && { password: decodeURIComponent(password) }),
  };
}

/** @throws ClusterError `bad_url`, where a file of credentials cannot be read `nats_unreachable` */
async function connectionOptions(nats: NatsOptions): Promise<ConnectionOptions> {
  const { servers, tls, user = nats.user, password = nats.password } = readAddress(nats.url);
  const file = async (path: string) =>
    readFile(path).catch((error: Error) => {
      throw new ClusterError('nats_unreachable', `The credentials cannot be read: ${error.message}`, { cause: error });
    });
  const text = async (path: string | undefined) => (path === undefined ? undefined : (await file(path)).toString());
  const [ca, cert, key] = [await text(nats.ca), await text(nats.cert), await text(nats.key)];
  // As in NATS's own URLs, what stands alone before the host is a token.
  const token = user !== undefined && password === undefined ? user : nats.token;
  return {
    servers: [...servers],
    name: 'ludic',
    // A server that is started again is waited for.
    maxReconnectAttempts: -1,
    reconnectTimeWait: 250,
    ...(user !== undefined && password !== undefined && { user, pass: password }),
    ...(token !== undefined && { token }),
    ...(nats.creds !== undefined && { authenticator: credsAuthenticator(new Uint8Array(await file(nats.creds))) }),
    ...((tls || ca !== undefined || cert !== undefined) && {
      tls: { ...(ca !== undefined && { ca }), ...(cert !== undefined && { cert }), ...(key !== undefined && { key }) },
    }),
  };
}

/** One connection, and what is on it. */
export interface Link {
  readonly connection: NatsConnection;
  readonly streams: JetStreamClient;
  readonly manager: JetStreamManager;
  /** @throws ClusterError */
  readonly bucket: (name: string) => Promise<ObjectStore>;
}

/** @throws ClusterError */
export async function openLink(nats: NatsOptions): Promise<Link> {
  const options = await connectionOptions(nats);
  const place = (options.servers as string[]).join(', ');
  let connection: NatsConnection;
  try {
    connection = await connect(options);
  } catch (error) {
    throw new ClusterError(
      'nats_unreachable',
      `No NATS server at ${place} lets this program in: ${(error as Error).message}. Is it running, and are user, password or token right?`,
      { cause: error },
    );
  }
  // Who may do little may not ask for what there is.
  const manager = await jetstreamManager(connection, { checkAPI: false });
  const streams = jetstream(connection);
  const bucket = (name: string) =>
    new Objm(streams).open(name, false).catch((error: unknown) => {
      throw refused(error, 'its object store');
    });
  return { connection, streams, manager, bucket };
}

/** A failure of the server's API as a sentence. */
export const refused = (error: unknown, what: string): ClusterError =>
  new ClusterError(
    'nats_refused',
    `The NATS server refuses ${what}: ${(error as Error).message}. It must be started with JetStream (nats-server -js), and the user must have the rights that docs/cluster.md names.`,
    { cause: error },
  );

/** Milliseconds between two attempts while a server is away. */
const PAUSE = 250;

/**
 * Repeats what fails while the server is away or is being started again.
 * @param what is refused where the server says that there is no right to it @throws ClusterError `nats_refused`; the signal's reason
 */
export async function insist<T>(work: () => Promise<T>, what: string, signal: AbortSignal): Promise<T> {
  for (;;) {
    signal.throwIfAborted();
    try {
      return await work();
    } catch (error) {
      if (isForbidden(error)) throw refused(error, what);
      await sleep(PAUSE, signal);
    }
  }
}

const isForbidden = (error: unknown): boolean =>
  error instanceof PermissionViolationError || (error as Error)?.cause instanceof PermissionViolationError;
