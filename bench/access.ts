// 200 wrong passwords at once, again and again, against a server in a process of its own: how fast health answers
// meanwhile, how soon a right password is accepted, what memory it takes. Run: `npx node bench/access.ts [--busy]`.
//
// Wanted: health within 50 ms (p99), a right password from another address within 2 s. With --busy as
// many processes as there are cores compute all the time, as a training job would.

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { PasswordAuthenticator } from '../apps/server/src/auth/password-authenticator.ts';
import { authApp, onePassword } from '../apps/server/src/auth/testing.ts';
import { parseTrust } from '../apps/server/src/http/address.ts';
import { listen } from '../apps/server/src/listen/listen.ts';

const SELF = fileURLToPath(import.meta.url);
const RIGHT = 'correct horse';
const ROUNDS = 5;
const ROUND_MS = 3000;

async function serve(): Promise<void> {
  const trust = parseTrust(true);
  const authenticator = new PasswordAuthenticator(await onePassword(RIGHT));
  const app = authApp(authenticator, trust, () => {});
  const { port } = await listen(app.fetch, { port: 0, trust });
  process.send!(port);
}

const agent = new Agent({ keepAlive: true });

/** @returns status and milliseconds */
function ask(port: number, path: string, address: string, password?: string): Promise<[number, number]> {
  const { promise, resolve, reject } = Promise.withResolvers<[number, number]>();
  const start = performance.now();
  const headers = {
    'x-forwarded-for': address,
    ...(password !== undefined && { authorization: `Bearer ${password}` }),
  };
  const method = password === undefined ? 'GET' : 'POST';
  request({ host: '127.0.0.1', port, path, agent, method, headers }, (response) => {
    response.resume().on('end', () => resolve([response.statusCode!, performance.now() - start]));
  })
    .on('error', reject)
    .end();
  return promise;
}

/** The largest resident memory of a process so far, in MiB. */
const peakMemory = (pid: number) =>
  Number(/VmHWM:\s*(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) / 1024;

/** Sends 200 wrong passwords for each message, in a process of its own, so that it delays no measurement but the server. */
function flood(): void {
  process.on('message', async ({ port, addresses, round }: { port: number; addresses: string[]; round: number }) => {
    const statuses: Record<number, number> = {};
    const each = async (address: string, n: number) => {
      const [status] = await ask(port, '/train', address, `guess-${round}-${n}`);
      statuses[status] = (statuses[status] ?? 0) + 1;
    };
    await Promise.all(addresses.map(each));
    process.send!(statuses);
  });
}

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, Math.max(0, ms)));

async function measure(addressOf: (n: number, round: number) => string): Promise<void> {
  const server = fork(SELF, ['server'], { stdio: 'inherit' });
  const flooder = fork(SELF, ['flood'], { stdio: 'inherit' });
  const [port] = (await once(server, 'message')) as [number];
  await ask(port, '/health-check', '9.9.9.9');
  const before = peakMemory(server.pid!);
  const health: number[] = [];
  const accepted: number[] = [];
  const statuses: Record<string, number> = {};
  const knock = async (round: number) => {
    // In the midst of the flood.
    await sleep(20);
    const start = performance.now();
    for (;;) {
      const [status] = await ask(port, '/train', `7.7.7.${round}`, RIGHT);
      if (status === 200) break;
      await sleep(1000);
    }
    accepted.push(performance.now() - start);
  };
  for (let round = 0; round < ROUNDS; round++) {
    const addresses = Array.from({ length: 200 }, (_, n) => addressOf(n, round));
    const flooded = once(flooder, 'message');
    flooder.send({ port, addresses, round });
    const asking: Promise<unknown>[] = [knock(round)];
    const start = performance.now();
    for (let tick = 1; performance.now() < start + ROUND_MS; tick++) {
      asking.push(ask(port, '/health-check', '9.9.9.9').then(([, ms]) => health.push(ms)));
      await sleep(start + 10 * tick - performance.now());
    }
    await Promise.all(asking);
    const [answers] = (await flooded) as [Record<string, number>];
    for (const [status, count] of Object.entries(answers)) statuses[status] = (statuses[status] ?? 0) + count;
  }
  health.sort((a, b) => a - b);
  const at = (share: number) => health[Math.floor(share * (health.length - 1))]!.toFixed(1);
  console.log(`  health: p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, worst ${at(1)} ms of ${health.length}`);
  console.log(`  right password: accepted after ${accepted.map((ms) => `${ms.toFixed(0)} ms`).join(', ')}`);
  console.log(`  wrong passwords: ${JSON.stringify(statuses)}`);
  console.log(`  peak memory: ${before.toFixed(0)} MiB before, ${peakMemory(server.pid!).toFixed(0)} MiB after`);
  for (const child of [server, flooder]) child.kill();
}

// A child ends with its parent, however that ends.
if (process.send) process.on('disconnect', () => process.exit());
if (process.argv[2] === 'server') await serve();
else if (process.argv[2] === 'flood') flood();
else if (process.argv[2] === 'burn') {
  const burn = () => {
    const end = performance.now() + 100;
    while (performance.now() < end) Math.sqrt(2);
    setImmediate(burn);
  };
  burn();
} else {
  const burners = process.argv.includes('--busy')
    ? Array.from({ length: availableParallelism() }, () => fork(SELF, ['burn']))
    : [];
  console.log('200 wrong passwords at once from one address');
  await measure(() => '6.6.6.6');
  console.log('200 wrong passwords at once from 200 addresses, new ones each time');
  await measure((n, round) => `6.6.${round}.${n}`);
  for (const burner of burners) burner.kill();
  agent.destroy();
}
