// For tests and benches: a whole server on a free port, with a data folder of its own beside a file that must stay unread
// business.

import { lstatSync, readdirSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hashOf } from '../src/auth/testing.ts';
import { createLogger } from '../src/http/access-log.ts';
import { type ServeOptions, serve } from '../src/serve.ts';

export const PASSWORD = 'correct horse battery';
/** Stands in `secret.txt` beside the data folder. */
export const CANARY = 'canary-5c1e0d7a';

export interface TestService extends AsyncDisposable {
  readonly url: string;
  /** Holds `data` and `secret.txt`. */
  readonly folder: string;
  readonly log: readonly string[];
  /** With the password in the header. */
  ask(path: string, init?: RequestInit): Promise<Response>;
  /** A POST of JSON with the password in the header. */
  post(path: string, body?: unknown, init?: RequestInit): Promise<Response>;
  close(): Promise<void>;
}

export async function startService(options: Partial<ServeOptions> = {}): Promise<TestService> {
  const folder = await mkdtemp(join(tmpdir(), 'ludic-service-'));
  await writeFile(join(folder, 'secret.txt'), CANARY);
  await mkdir(join(folder, 'data'));
  const log: string[] = [];
  const server = await serve({
    version: '0.0.0',
    dataFolder: join(folder, 'data'),
    host: '127.0.0.1',
    port: 0,
    device: 'cpu',
    threads: 1,
    origins: [],
    maxConcurrentJobs: 1,
    jobTimeout: 0,
    maxConcurrentRequests: 10,
    idleTimeout: 300,
    passwordHash: await hashOf(PASSWORD),
    logger: createLogger({ write: (line) => void log.push(line) }),
    ...options,
  });
  const ask = (path: string, init: RequestInit = {}) =>
    fetch(server.url + path, { ...init, headers: { authorization: `Bearer ${PASSWORD}`, ...init.headers } });
  const close = async () => {
    await server.close();
    await rm(folder, { recursive: true, force: true });
  };
  return {
    url: server.url,
    folder,
    log,
    ask,
    post: (path, body = {}, init = {}) =>
      ask(path, {
        method: 'POST',
        body: JSON.stringify(body),
        ...init,
        headers: { 'content-type': 'application/json', ...init.headers },
      }),
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** What lies beside the data folder, and when it was changed. */
export function listing(folder: string): string {
  return JSON.stringify(
    readdirSync(folder).map((name) => {
      const { size, mtimeMs } = lstatSync(join(folder, name));
      return name === 'data' ? name : [name, size, mtimeMs];
    }),
  );
}
