// `ludic serve` of one side, and requests to it over plain sockets, so that a path arrives as it is written.

import { once } from 'node:events';
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import type { Side } from './side.ts';

export const PASSWORD = 'correct horse battery';
/** The server answers to this name alone. */
export const HOST = 'ludic.example.org';
const FLAGS = '--port 0 --data data --threads 1 --no-page'.split(' ');
const NAMED = `--function-hosts --host-name ${HOST} --allow-origin https://page.example.org`.split(' ');

export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export interface Service {
  readonly url: string;
  ask(asked: Asked): Promise<Answer>;
  stop(): Promise<void>;
}

/** @param hostName whether it answers to {@link HOST} alone, with a host for each function */
export async function startService(side: Side, { hostName = true } = {}): Promise<Service> {
  const hash = (await side.succeed(['hash-password'], { input: `${PASSWORD}\n` })).trim();
  const child = side.start(['serve', ...FLAGS, ...(hostName ? NAMED : [])], { LUDIC_PASSWORD_HASH: hash });
  let printed = '';
  child.stdout!.resume();
  const port = await new Promise<number>((resolve, reject) => {
    child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      printed += text;
      const found = /http:\/\/[^\s:]+:(\d+)/.exec(printed);
      if (found) resolve(Number(found[1]));
    });
    child.once('exit', () => reject(new Error(`${side.name}: ludic serve ended: ${printed}`)));
  });
  return {
    url: `http://127.0.0.1:${port}`,
    ask: (asked) => ask(port, asked),
    async stop() {
      const exit = once(child, 'exit');
      child.kill('SIGTERM');
      await exit;
    },
  };
}

function ask(port: number, { method, path, headers, body }: Asked): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      { host: '127.0.0.1', port, method, path, headers: { host: HOST, ...headers }, agent: false },
      async (response) => {
        const chunks: Buffer[] = [];
        try {
          for await (const chunk of response) chunks.push(chunk as Buffer);
        } catch (error) {
          return reject(error);
        }
        resolve({ status: response.statusCode!, headers: response.headers, body: Buffer.concat(chunks) });
      },
    );
    request.once('error', reject);
    request.end(body);
  });
}
