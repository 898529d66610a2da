// Starting and ending the server: every part is opened before the door is, and closed after it.

import { mkdir, realpath } from 'node:fs/promises';
import { type Device, RuntimeError } from '@ludic/runtime';
import { reportDevices } from '@ludic/runtime/node';
import type { Logger } from 'pino';
import { parseTrust } from './access/address.ts';
import { Gatekeeper } from './access/gatekeeper.ts';
import { parseOrigins } from './access/headers.ts';
import { createLogger } from './access/log.ts';
import { Passwords } from './access/passwords.ts';
import { createApp } from './app.ts';
import { InferencePool } from './inference/pool.ts';
import { openJobs } from './jobs/index.ts';
import { listen } from './listen/listen.ts';
import { ModelStore } from './models/model-store.ts';

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
  readonly origins: readonly string[];
  readonly maxConcurrentJobs: number;
  /** Seconds; 0: as long as it takes. */
  readonly jobTimeout: number;
  readonly maxConcurrentRequests: number;
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

/** @throws AccessError, RuntimeError `device_missing`, ServiceError: each before anything listens */
export async function serve(options: ServeOptions): Promise<Server> {
  const began = performance.now();
  const logger = options.logger ?? createLogger();
  const trust = parseTrust(options.trustProxy);
  const origins = parseOrigins(options.origins);
  const passwords = await Passwords.open({
    hash: options.passwordHash,
    file: options.passwordFile,
    onNews: (kind, sentence) => logger[kind === 'changed' ? 'info' : 'warn'](sentence),
  });
  const { device, gpuAvailable } = await chooseDevice(options.device);
  await mkdir(options.dataFolder, { recursive: true });
  const dataFolder = await realpath(options.dataFolder);
  const store = await ModelStore.open(dataFolder);
  const jobs = await openJobs({
    dataFolder,
    device,
    maxConcurrent: options.maxConcurrentJobs,
    timeoutMs: 1000 * options.jobTimeout,
    ...(options.threads !== undefined && { threads: options.threads }),
  });
  const pool = new InferencePool({
    device,
    maxConcurrentRequests: options.maxConcurrentRequests,
    idleTimeoutMs: 1000 * options.idleTimeout,
    ...(options.threads !== undefined && { threads: options.threads }),
  });
  const uptime = () => (performance.now() - began) / 1000;
  const app = createApp({
    about: { version: options.version, device, gpuAvailable, uptime },
    store,
    jobs,
    pool,
    gatekeeper: new Gatekeeper(passwords),
    trust,
    assumeHttps: options.assumeHttps ?? false,
    origins,
    logger,
    ...(options.pageFolder !== undefined && { pageFolder: options.pageFolder }),
  });
  const close = async () => {
    passwords.close();
    await Promise.all([jobs.stop(), pool.close()]);
  };
  try {
    const listening = await listen(app.fetch, {
      host: options.host,
      port: options.port,
      trust,
      ...(options.certificate !== undefined &&
        options.key !== undefined && { tls: { cert: options.certificate, key: options.key } }),
    });
    return {
      url: listening.url,
      async close() {
        await listening.close();
        await close();
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}

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
