// ludic serve as a process: what it says when it cannot open, with which exit code, and when it ends.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { hashPassword } from '@ludic/server/hash';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { builtPage } from '../evaluator/built-page.ts';

const MAIN = fileURLToPath(new URL('../main.ts', import.meta.url));
let folder: string;
let hash: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ludic-serve-'));
  hash = await hashPassword('correct horse');
  // What is started below says nothing of building it then.
  await builtPage();
}, 120_000);
afterAll(() => rm(folder, { recursive: true }));

const serve = (flags: readonly string[], env: NodeJS.ProcessEnv = { LUDIC_PASSWORD_HASH: hash }): ChildProcess =>
  spawn(process.execPath, ['--disable-warning=ExperimentalWarning', MAIN, 'serve', '--port', '0', ...flags], {
    env: { PATH: process.env.PATH, ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  });

async function end(child: ChildProcess): Promise<[code: number | null, text: string]> {
  const [parts, [code]] = await Promise.all([child.stderr!.toArray(), once(child, 'exit')]);
  return [code, parts.join('')];
}

it('says in one line why it does not open', async () => {
  const data = ['--data', join(folder, 'data')];
  const first = serve(data);
  await once(first.stderr!, 'data');
  const [[busy, second], [none, without], [half, tls]] = await Promise.all([
    end(serve(data)),
    end(serve(['--data', join(folder, 'other')], {})),
    end(serve(['--data', join(folder, 'other'), '--tls-cert', 'x.pem'])),
  ]);
  expect([busy, second]).toEqual([1, expect.stringMatching(/^ludic: Another server uses .*\n$/)]);
  expect([none, without]).toEqual([2, expect.stringMatching(/^ludic: .*hash-password.*\n$/)]);
  expect([half, tls]).toEqual([2, 'ludic: --tls-cert and --tls-key belong together.\n']);
  first.kill('SIGTERM');
  expect((await end(first))[0]).toBe(0);
}, 120_000);

it('ends with the npm that started it', async () => {
  const flags = ['serve', '--port', '0', '--no-page', '--data', join(folder, 'under-npm')];
  const npm = spawn('npm', ['run', '--silent', 'ludic', '--', ...flags], {
    cwd: fileURLToPath(new URL('../../../../', import.meta.url)),
    env: { PATH: process.env.PATH, HOME: process.env.HOME, LUDIC_PASSWORD_HASH: hash },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  npm.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  const address = () => /http:\/\/[\d.:]+/.exec(said)?.[0];
  await expect.poll(address).toBeDefined();
  const isUp = () =>
    fetch(`${address()}/health-check`).then(
      ({ ok }) => ok,
      () => false,
    );
  expect(await isUp()).toBe(true);
  npm.kill();
  await expect.poll(isUp).toBe(false);
  // It lets go of its folder last.
  const another = async () => {
    const child = serve(['--no-page', '--data', join(folder, 'under-npm')]);
    const ended = end(child);
    await once(child.stderr!, 'data');
    child.kill('SIGTERM');
    const [code, text] = await ended;
    return { code, isRefused: text.includes('Another server') };
  };
  await expect.poll(another, { interval: 500 }).toEqual({ code: 0, isRefused: false });
}, 120_000);
