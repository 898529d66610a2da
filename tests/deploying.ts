// For the tests of deployment: a password, a free port, processes that end with the test, and requests.

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';

export const ROOT = join(import.meta.dirname, '..');
export const PASSWORD = 'correct horse battery';
/** What processes of these tests see of the environment, Node 24 first. */
export const PLAIN = { PATH: `${dirname(process.execPath)}:${process.env.PATH}`, HOME: process.env.HOME ?? '/tmp' };

export function passwordHash(): string {
  const main = join(ROOT, 'apps/cli/src/main.ts');
  return execFileSync(process.execPath, [main, 'hash-password'], { input: `${PASSWORD}\n`, encoding: 'utf8' }).trim();
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

export interface Started {
  readonly process: ChildProcess;
  readonly ended: Promise<number | null>;
  /** What it has written so far. */
  readonly output: () => string;
}

const started = new Set<ChildProcess>();

export function start(
  command: string,
  args: readonly string[],
  options: { readonly cwd: string; readonly env: Readonly<Record<string, string>> },
): Started {
  const child = spawn(command, args, { ...options, stdio: ['pipe', 'pipe', 'pipe'] });
  started.add(child);
  let output = '';
  const hear = (chunk: Buffer) => {
    output += chunk;
  };
  child.stdout.on('data', hear);
  child.stderr.on('data', hear);
  const ended = new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => {
      started.delete(child);
      resolve(code);
    });
  });
  return { process: child, ended, output: () => output };
}

export function endAll(): void {
  for (const child of started) child.kill('SIGKILL');
}

export async function until(what: string, holds: () => unknown, seconds = 40): Promise<void> {
  const end = performance.now() + 1000 * seconds;
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`It has not come about: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

export const isHealthy = (base: string) =>
  fetch(`${base}/health-check`).then(
    (answer) => answer.status === 200,
    () => false,
  );

/** One request with the password, as a proxy would pass it on. */
export async function call(
  base: string,
  path: string,
  body: Readonly<Record<string, unknown>> | undefined,
  headers: Readonly<Record<string, string>> = {},
) {
  const answer = await fetch(base + path, {
    method: body ? 'POST' : 'GET',
    headers: {
      Authorization: `Bearer ${PASSWORD}`,
      ...(body && { 'Content-Type': 'application/json' }),
      ...headers,
    },
    ...(body && { body: JSON.stringify(body) }),
  });
  return { status: answer.status, body: (await answer.json()) as Record<string, never> };
}

export const ROLLOUT = { model_path: 'nano', env_type: 'tic_tac_toe', seed: 7 };
