// `ludic serve` behind the page, in a process that can be killed and started again at the same place.

import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { hashPassword } from '../../apps/server/src/auth/make-hash.ts';
import type { ServeOptions } from '../../apps/server/src/index.ts';

const SCRIPT = fileURLToPath(new URL('./server-script.ts', import.meta.url));

export class ServerProcess {
  readonly url: string;
  readonly #password: string;
  #options: ServeOptions;
  #child: ChildProcess;

  private constructor(url: string, password: string, options: ServeOptions, child: ChildProcess) {
    this.url = url;
    this.#password = password;
    this.#options = options;
    this.#child = child;
  }

  /** @param origins of other pages that may call it */
  static async start(
    dataFolder: string,
    pageFolder: string,
    password: string,
    origins: readonly string[] = [],
  ): Promise<ServerProcess> {
    const options: ServeOptions = {
      version: '0.0.0',
      dataFolder,
      pageFolder,
      host: '127.0.0.1',
      port: 0,
      device: 'cpu',
      threads: 1,
      passwordHash: await hashPassword(password),
      origins,
      maxConcurrentJobs: 1,
      jobTimeout: 0,
      maxConcurrentRequests: 4,
      idleTimeout: 60,
    };
    const { child, url } = await begin(options);
    return new ServerProcess(url, password, options, child);
  }

  /** The service as any other client sees it. @param body what is posted; without it the address is read */
  async ask<T>(path: string, body?: object): Promise<T> {
    const response = await fetch(this.url + path, {
      method: body ? 'POST' : 'GET',
      headers: { authorization: `Bearer ${this.#password}`, 'content-type': 'application/json' },
      ...(body && { body: JSON.stringify(body) }),
    });
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return (await response.json()) as T;
  }

  /** As `kill -9` does. */
  async kill(): Promise<void> {
    const exited = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await exited;
  }

  /** After a kill, at the same port. @param password that opens it from now on. Default: as before */
  async startAgain(password?: string): Promise<void> {
    if (password !== undefined) this.#options = { ...this.#options, passwordHash: await hashPassword(password) };
    const { child } = await begin({ ...this.#options, port: Number(new URL(this.url).port) });
    this.#child = child;
  }

  /** Lets its jobs save and end. */
  async end(): Promise<void> {
    if (!this.#child.connected) return;
    const exited = once(this.#child, 'exit');
    this.#child.disconnect();
    await exited;
  }
}

async function begin(options: ServeOptions): Promise<{ child: ChildProcess; url: string }> {
  const child = fork(SCRIPT, [JSON.stringify(options)], {
    execArgv: ['--disable-warning=ExperimentalWarning'],
    // What it logs of requests is of no use here.
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const url = await new Promise<string>((resolve, reject) => {
    child.once('message', (message) => resolve(String(message)));
    child.once('exit', () => reject(new Error('The server did not start.')));
  });
  return { child, url };
}
