// What keeps a server from opening, each told in one sentence, and that nothing of it stays open.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { hashOf } from './auth/testing.ts';
import { type ServeOptions, serve } from './serve.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ludic-serve-'));
});
afterAll(() => rm(folder, { recursive: true }));

const start = async (options: Partial<ServeOptions> = {}) =>
  serve({
    version: '0.0.0',
    dataFolder: join(folder, 'data'),
    host: '127.0.0.1',
    port: 0,
    device: 'cpu',
    origins: [],
    maxConcurrentJobs: 1,
    jobTimeout: 0,
    maxConcurrentRequests: 1,
    idleTimeout: 1,
    passwordHash: await hashOf('correct horse'),
    logger: pino({ level: 'silent' }),
    ...options,
  });

it('opens, and opens again after whatever kept it from opening', async () => {
  const server = await start();
  const port = Number(new URL(server.url).port);
  await expect(start()).rejects.toMatchObject({ name: 'ServiceError', code: 'unavailable' });
  await expect(start({ dataFolder: join(folder, 'other'), port })).rejects.toMatchObject({ code: 'cannot_listen' });
  const other = await start({ dataFolder: join(folder, 'other') });
  await other.close();
  await server.close();
  await expect(fetch(server.url)).rejects.toThrow();
  await (await start({ port })).close();
}, 120_000);

it.each([
  ['no_password', { passwordHash: undefined }],
  ['bad_hash', { passwordHash: 'correct horse' }],
  ['insecure_address', { host: '0.0.0.0' }],
  ['bad_origin', { origins: ['everywhere'] }],
  ['bad_proxy', { trustProxy: 'everybody' }],
  ['bad_data_folder', { dataFolder: '/proc/ludic/data' }],
  ['bad_data_folder', { dataFolder: '/etc/passwd' }],
  ['bad_data_folder', { dataFolder: '/etc/passwd/data' }],
  ['no_names', { admins: ['root'] }],
  ['bad_certificate', { certificate: '/missing.pem', key: '/missing.key' }],
] as const)('does not open: %s', async (code, options) => {
  await expect(start(options as Partial<ServeOptions>)).rejects.toMatchObject({ code });
});
