// The examples run as they are printed, and stay short.

import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { createServer } from 'vite';
import { afterAll, describe, expect, it } from 'vitest';
import { PASSWORD, startService } from '../bench/compare/service.ts';
import { Side } from '../bench/compare/side.ts';
import { hasChromium, launch } from './browser/page.ts';

const ROOT = resolve(import.meta.dirname, '..');
const EXAMPLES = join(ROOT, 'examples');
const folder = mkdtempSync(join(tmpdir(), 'ludic-examples-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function run(file: string, args: readonly string[] = [], env: Readonly<Record<string, string>> = {}) {
  const command = ['--disable-warning=ExperimentalWarning', join(EXAMPLES, file), ...args];
  const options = { cwd: folder, env: { ...process.env, ...env } };
  const { stdout, stderr } = await promisify(execFile)(process.execPath, command, options);
  expect(stderr).toBe('');
  return stdout;
}

it('01-play', async () => {
  expect(await run('01-play.ts')).toMatch(/^You play Tic-Tac-Toe[\s\S]*total reward \S+\n$/);
});

it('02-evaluate', async () => {
  expect(await run('02-evaluate.ts')).toMatch(/^expert: 0\.9\d* of.*\nnano: 0\.\d+ of.*\nThe expert wins 0\.\d+ more/);
});

it('03-train', async () => {
  const printed = await run('03-train.ts', ['run', '2']);
  expect(printed).toContain('step 2: mean reward');
  expect(existsSync(join(folder, 'run/final/model.safetensors'))).toBe(true);
});

it('04-own-game', async () => {
  expect(await run('04-own-game.ts')).toMatch(/^random: mean reward -?0\.\d+\nexpert: mean reward 1\.00\n$/);
});

it('05-own-policy', async () => {
  expect(await run('05-own-policy.ts')).toMatch(/^first free cell: won 0\.\d+, lost 0\.\d+, invalid 0\n$/);
});

it('06-adapter', async () => {
  expect(await run('06-adapter.ts', ['adapter', '1'])).toMatch(/^nano with the adapter wins \S+ of 100 games\.\n$/);
});

it('09-own-parts', async () => {
  const printed = await run('09-own-parts.ts', ['own', '2']);
  expect(printed).toMatch(/^step 1: .* replies of \d[\d.]* characters\nstep 2: /);
  const { plugins } = JSON.parse(readFileSync(join(folder, 'own/config.json'), 'utf8'));
  expect(plugins.map(({ name }: { name: string }) => name)).toEqual(['LAST_TURN', 'rank', 'reinforce', 'reply_length']);
});

it('10-agent', async () => {
  const program = join(ROOT, 'apps/cli/src/main.ts');
  const settings = { steps: 2, 'warm-start': 2, 'batch-size': 8, 'group-size': 4, 'eval-episodes': 4, 'save-every': 1 };
  const options = Object.entries({ ...settings, 'max-completion-length': 64 }).map(
    ([name, value]) => `--${name}=${value}`,
  );
  const train = ['--disable-warning=ExperimentalWarning', program, 'train', '--out', join(folder, 'agent')];
  const agent = ['--agent', join(EXAMPLES, '10-agent.ts')];
  const { stdout } = await promisify(execFile)(process.execPath, [...train, ...agent, ...options]);
  expect(stdout).toMatch(/warm start 2\/2[\s\S]*prize, NO_HISTORY: 8 games a step[\s\S]*Done:/);
  const again = await promisify(execFile)(process.execPath, [...train, ...agent, '--resume']);
  expect(again.stdout).toContain('Done:');
});

it('07-service-client', async () => {
  const service = await startService(new Side('server', ROOT, folder), { hostName: false });
  try {
    const env = { LUDIC_BASE_URL: service.url, LUDIC_PASSWORD: PASSWORD };
    expect(await run('07-service-client.ts', ['mine'], env)).toMatch(/step 3[\s\S]*The job is completed\.\nmine wins/);
  } finally {
    await service.stop();
  }
});

describe.skipIf(!hasChromium)('in Chromium (at /usr/bin/chromium)', () => {
  it('08-browser', async () => {
    const server = await createServer({
      ...{ root: join(EXAMPLES, '08-browser'), cacheDir: join(folder, 'vite'), logLevel: 'error' },
      server: { host: '127.0.0.1', port: 0, fs: { allow: [ROOT] } },
    });
    await server.listen();
    const browser = await launch();
    try {
      const page = await browser.newPage();
      await page.goto(server.resolvedUrls!.local[0]!);
      await page.getByText('total reward').waitFor();
    } finally {
      await browser.close();
      await server.close();
    }
  });
});

it('all are listed and have less than 60 lines', () => {
  const text = readFileSync(join(EXAMPLES, 'README.md'), 'utf8');
  const names = readdirSync(EXAMPLES).filter((name) => /^\d\d-/.test(name));
  expect(names).toHaveLength(10);
  for (const name of names) {
    expect(text).toContain(`](${name})`);
    const source = readFileSync(join(EXAMPLES, name.endsWith('.ts') ? name : `${name}/main.ts`), 'utf8');
    expect(source.split('\n').length, name).toBeLessThan(60);
  }
});
