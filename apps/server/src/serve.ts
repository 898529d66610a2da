// Starts and ends the server: every part is opened before the port, and closed after it.

import { existsSync } from 'node:fs';
import { type Device, RuntimeError } from '@ludic/runtime';
import { reportDevices } from '@ludic/runtime/node';
import type { Logger } from 'pino';
import { createApp } from './app.ts';
import { Owners } from './auth/owners.ts';
import { PasswordAuthenticator } from './auth/password-authenticator.ts';
import { Passwords } from './auth/passwords.ts';
import { openDataFolder } from './data-folder.ts';
import { createLogger } from './http/access-log.ts';
import { isLoopback, parseTrust } from './http/address.ts';
import { parseOrigins } from './http/headers.ts';
import type { ModelEvent } from './inference/loaded-model.ts';
import { InferencePool } from './inference/pool.ts';
import { openJobs } from './jobs/jobs.ts';
import { listen } from './listen/listen.ts';
import { ModelStore } from './models/model-store.ts';
import { namePlace } from './places-in-text.ts';
import { StartupError } from './startup-error.ts';

export interface ServeOptions {
  readonly version: string;
  readonly dataFolder: string;
  readonly host: string;
  readonly port: number;
  readonly device: Device | 'auto';
  readonly threads?: number;
  readonly passwordHash?: string;
  readonly passwordFile?: string;
  readonly certificate?: string;
  readonly key?: string;
  readonly trustProxy?: string | boolean;
  /** The trusted proxy speaks HTTPS alone, and may say nothing of it. */
  readonly assumeHttps?: boolean;
  /** By which names the server is called; without any it is checked on loopback alone. */
  readonly hostNames?: readonly string[];
  /** Hosts whose names end with a function's, such as NAME-start-training.modal.run, are that endpoint. */
  readonly functionHosts?: boolean;
  /** Where agents reach the server, such as `https://ludic.example`; default: where it listens. */
  readonly publicUrl?: string;
  readonly origins: readonly string[];
  readonly maxConcurrentJobs: number;
  /** Names that see and end everyone's jobs and models. */
  readonly admins?: readonly string[];
  /** Everyone sees all models. */
  readonly shareModels?: boolean;
  /** Of each name that is no admin's. */
  readonly jobsPerName?: { readonly running: number; readonly queued: number };
  /** Seconds; 0: as long as it takes. */
  readonly jobTimeout: number;
  readonly maxConcurrentRequests: number;
  /** Seconds that an evaluation, a rollout or a chat may take; 0, the default: as long as it takes. */
  readonly requestTimeout?: number;
  /** Seconds. */
  readonly idleTimeout: number;
  readonly pageFolder?: string;
  readonly logger?: Logger;
}

export interface Server {
  readonly url: string;
  /** Lets jobs save and requests end. */
  close(): Promise<void>;
}

/** @throws StartupError, RuntimeError `device_missing`, ServiceError: each before anything listens */
export async function serve(options: ServeOptions): Promise<Server> {
  const began = performance.now();
  const logger = options.logger ?? createLogger();
  const trust = parseTrust(options.trustProxy);
  const origins = parseOrigins(options.origins);
  const closing = new AbortController();
  const onFileNews = (kind: 'changed' | 'kept', sentence: string) =>
    logger[kind === 'changed' ? 'info' : 'warn'](sentence);
  // Closed in the opposite order of their opening, the last one first, also where the next one does not open.
  await using opened = new AsyncDisposableStack();
  const passwords = await Passwords.open({
    hash: options.passwordHash,
    file: options.passwordFile,
    onNews: onFileNews,
  });
  opened.defer(() => passwords.close());
  const isShared = passwords.current.entries.some(({ name }) => name === undefined);
  const admins = options.admins ?? [];
  if (isShared && admins.length > 0)
    throw new StartupError(
      'no_names',
      '--admin needs passwords with names: give --password-file a file of name:hash lines.',
    );
  const isLocal = trust.kind === 'none' && (options.host === 'localhost' || isLoopback(options.host));
  const hostNames = options.hostNames?.length ? options.hostNames : isLocal ? [options.host] : undefined;
  const { device, gpuAvailable } = await chooseDevice(options.device);
  const dataFolder = await openDataFolder(options.dataFolder);
  namePlace(dataFolder, 'the data folder');
  const onCpu = { device, ...(options.threads !== undefined && { threads: options.threads }) };
  const pool = new InferencePool({
    ...onCpu,
    maxConcurrentRequests: options.maxConcurrentRequests,
    requestTimeoutMs: 1000 * (options.requestTimeout ?? 0),
    idleTimeoutMs: 1000 * options.idleTimeout,
    log: ({ event, ...rest }) => logger[isTrouble(event) ? 'warn' : 'info'](rest, `model process ${event}`),
  });
  opened.defer(() => pool.close());
  const store = await ModelStore.open(dataFolder, (name) => pool.forget(name));
  const jobs = await openJobs({
    ...onCpu,
    pool,
    dataFolder,
    maxConcurrent: options.maxConcurrentJobs,
    timeoutMs: 1000 * options.jobTimeout,
    limitsOf: (owner) => (isShared || admins.includes(owner) ? undefined : options.jobsPerName),
    onFault: (error) => logger.error({ err: error }, 'fault in the jobs'),
  });
  opened.defer(() => jobs.stop());
  let listeningUrl = '';
  const app = createApp({
    baseUrl: () => options.publicUrl ?? listeningUrl,
    about: { version: options.version, device, gpuAvailable, uptime: () => (performance.now() - began) / 1000 },
    store,
    jobs,
    pool,
    authenticator: new PasswordAuthenticator(passwords),
    owners: new Owners({
      isShared,
      sharesModels: options.shareModels ?? false,
      admins,
      jobOf: (id) => jobs.get(id),
      ownerOfModel: (name) => jobs.ownerOfModel(name),
      hasModel: (name) => name === 'nano' || existsSync(store.folderOf(name)),
    }),
    trust,
    assumeHttps: options.assumeHttps ?? false,
    origins,
    functionHosts: options.functionHosts ?? false,
    ...(hostNames !== undefined && { hostNames }),
    logger,
    closing: closing.signal,
    ...(options.pageFolder !== undefined && { pageFolder: options.pageFolder }),
  });
  const { certificate: cert, key } = options;
  const listening = await listen(app.fetch, {
    host: options.host,
    port: options.port,
    trust,
    onTlsNews: onFileNews,
    ...(cert !== undefined && key !== undefined && { tls: { cert, key } }),
  });
  listeningUrl = listening.url;
  opened.defer(() => listening.close());
  opened.defer(() => closing.abort());
  // Jobs save while the last requests are answered: the system may kill a server that takes long to end.
  opened.defer(() => jobs.beginStop());
  const parts = opened.move();
  return { url: listening.url, close: () => parts.disposeAsync() };
}

const isTrouble = (event: ModelEvent['event']) => event === 'died' || event === 'stuck' || event === 'printed';

/** Where models run, and whether there is a GPU that they can really run on. */
async function chooseDevice(wanted: Device | 'auto'): Promise<{ device: Device; gpuAvailable: boolean }> {
  const reports = await reportDevices();
  const works = (device: Device) => reports.some((report) => report.device === device && report.present);
  const gpu = reports.find((report) => report.device !== 'cpu' && report.present && !report.software)?.device;
  if (wanted === 'auto') return { device: gpu ?? 'cpu', gpuAvailable: gpu !== undefined };
  if (!works(wanted)) {
    const report = reports.find(({ device }) => device === wanted);
    const reason = report && !report.present ? report.reason : 'it is unknown';
    throw new RuntimeError('device_missing', `The device ${wanted} cannot be used: ${reason}`);
  }
  return { device: wanted, gpuAvailable: gpu !== undefined };
}
