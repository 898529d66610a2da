// For tests: a real NATS server of this machine, with JetStream on a disk, that can be killed and started again.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const PLACES = [process.env.LUDIC_NATS_SERVER, 'nats-server', '/usr/sbin/nats-server'];

/** The program; undefined where there is none. */
export const NATS_SERVER = PLACES.find(
  (place) =>
    place !== undefined &&
    (place.includes('/') ? existsSync(place) : spawnSync(place, ['--version'], { stdio: 'ignore' }).status === 0),
);

export const NATS_NEEDED = 'needs nats-server: apt-get install nats-server, or its path in LUDIC_NATS_SERVER';

export class NatsServer {
  readonly port: number;
  readonly #folder: string;
  readonly #args: readonly string[];
  #process: ChildProcess | undefined;

  /** @param args further options of the program */
  static async start(...args: readonly string[]): Promise<NatsServer> {
    const server = new NatsServer(await freePort(), await mkdtemp(join(tmpdir(), 'ludic-nats-')), args);
    await server.begin();
    return server;
  }

  private constructor(port: number, folder: string, args: readonly string[]) {
    this.port = port;
    this.#folder = folder;
    this.#args = args;
  }

  get url(): string {
    return `nats://127.0.0.1:${this.port}`;
  }

  /** Starts it, again with what it had stored. */
  async begin(): Promise<void> {
    const where = ['--addr', '127.0.0.1', '--port', String(this.port), '--jetstream', '--store_dir', this.#folder];
    this.#process = spawn(NATS_SERVER!, [...where, ...this.#args], { stdio: 'ignore' });
    while (!(await answers(this.port))) {
      if (this.#process.exitCode !== null) throw new Error('nats-server has ended');
      await sleep(20);
    }
  }

  async kill(): Promise<void> {
    const ended = new Promise((resolve) => this.#process?.once('exit', resolve));
    this.#process?.kill('SIGKILL');
    await ended;
  }

  async stop(): Promise<void> {
    await this.kill();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

const answers = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true));
    socket.once('error', () => resolve(false));
    socket.once('close', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
