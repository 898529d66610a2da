// `ludic serve` in a process of its own that is killed and started again: the same data folder, the same port.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { hashPassword } from '../../apps/server/src/auth/hash.ts';
import { MARK } from './processes.ts';

const LUDIC = fileURLToPath(new URL('../../apps/cli/src/main.ts', import.meta.url));
const PASSWORD = 'correct horse battery';
const FLAGS = ['--device', 'cpu', '--threads', '1', '--max-concurrent-jobs', '2', '--no-page'];

export class ChaosServer {
  readonly data: string;
  readonly mark: string;
  /** Counts deaths: a request that saw two numbers, or none of them up, may have been cut off. */
  epoch = 0;
  isUp = false;
  url = '';
  readonly #hash: string;
  #child: ChildProcess | undefined;

  private constructor(data: string, mark: string, hash: string) {
    this.data = data;
    this.mark = mark;
    this.#hash = hash;
  }

  static async start(data: string, mark: string): Promise<ChaosServer> {
    const server = new ChaosServer(data, mark, await hashPassword(PASSWORD));
    await server.#begin('0');
    return server;
  }

  get pid(): number {
    return this.#child!.pid!;
  }

  /** As `kill -9` does, and then as its supervisor. */
  async restart(): Promise<void> {
    const exited = once(this.#child!, 'exit');
    this.epoch++;
    this.isUp = false;
    this.#child!.kill('SIGKILL');
    await exited;
    await this.#begin(new URL(this.url).port);
  }

  /** Lets it save and end. @returns its exit code */
  async end(): Promise<number | null> {
    const exited = once(this.#child!, 'exit');
    this.epoch++;
    this.isUp = false;
    this.#child!.kill('SIGTERM');
    const [code] = await exited;
    return code;
  }

  ask(path: string, body?: object, headers: Readonly<Record<string, string>> = {}): Promise<Response> {
    return fetch(this.url + path, {
      headers: {
        authorization: `Bearer ${PASSWORD}`,
        // A connection that an earlier server left must not be taken for one of this.
        connection: 'close',
        ...(body && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body && { method: 'POST', body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(120_000),
    });
  }

  async #begin(port: string): Promise<void> {
    // What it had to say of itself is kept with the folder.
    const log = openSync(join(this.data, 'server.log'), 'a');
    const child = spawn(
      process.execPath,
      ['--disable-warning=ExperimentalWarning', LUDIC, 'serve', '--port', port, '--data', this.data, ...FLAGS],
      {
        env: { ...process.env, LUDIC_PASSWORD_HASH: this.#hash, HF_HUB_OFFLINE: '1', [MARK]: this.mark },
        stdio: ['ignore', log, 'pipe'],
      },
    );
    closeSync(log);
    this.#child = child;
    let printed = '';
    this.url = await new Promise<string>((resolve, reject) => {
      child.stderr!.setEncoding('utf8').on('data', (text: string) => {
        printed = (printed + text).slice(-10_000);
        const url = /listens on (http:\S+);/.exec(printed)?.[1];
        if (url) resolve(url);
      });
      child.once('exit', (code, signal) => reject(new Error(`The server ended with ${code ?? signal}: ${printed}`)));
    });
    this.isUp = true;
  }
}
