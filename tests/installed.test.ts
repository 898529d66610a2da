// What a stranger gets: the tarball, installed by the README's own lines into an empty folder, and the README's examples
// run there. It takes the npm registry.

import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const ROOT = resolve(import.meta.dirname, '..');
const README = readFileSync(join(ROOT, 'README.md'), 'utf8');
const section = README.slice(README.indexOf('\n## As a library'), README.indexOf('\n## In the browser'));
const blocks = [...section.matchAll(/```\w*\n([\s\S]*?)```/g)].map(([, text]) => text!);
const lines = blocks[0]!.trim().split('\n');
const example = (name: string) => blocks.find((text) => text.startsWith(`// ${name}\n`))!;

const registry = spawnSync('npm', ['ping'], { timeout: 20_000 }).status === 0;

// Node as the README asks for it, and nothing of the repository's own.
const { NODE_OPTIONS: _, LUDIC_PASSWORD_HASH: __, ...plain } = process.env;
const env = { ...plain, PATH: `${dirname(process.execPath)}${delimiter}${process.env.PATH}`, npm_config_fund: 'false' };

describe.skipIf(!registry)('the installed package', () => {
  const folder = mkdtempSync(join(tmpdir(), 'ludic-installed-'));
  const children: ChildProcess[] = [];
  const shell = (line: string, cwd = folder) =>
    execFileSync('sh', ['-c', line], { cwd, env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });

  beforeAll(() => {
    expect(lines.slice(0, 2)).toEqual(['npm run pack -- ../player', 'cd ../player']);
    shell(lines[0]!.replace('../player', folder), ROOT);
    expect(lines[2]).toContain('npm install');
    shell(lines[2]!);
  }, 600_000);
  afterAll(() => {
    for (const child of children) child.kill();
    rmSync(folder, { recursive: true, force: true });
  });

  it('plays, trains and evaluates by the examples of the README, each of at most 20 lines', () => {
    const run = (name: string) => {
      expect(example(name).trim().split('\n').length).toBeLessThanOrEqual(21);
      writeFileSync(join(folder, name), example(name));
      return shell(`node ${name}`);
    };
    expect(run('play.mjs')).toMatch(/total reward -?[\d.]+\n$/);
    const trained = run('train.mjs').trim().split('\n');
    expect(trained.slice(0, -1).map((line) => line.split(':')[0])).toEqual([1, 2, 3, 4, 5].map((n) => `step ${n}`));
    expect(trained.at(-1)).toBe('runs/first/final holds the model of step 5.');
    expect(readdirSync(join(folder, 'runs/first/final'))).toContain('model.safetensors');
    expect(run('evaluate.mjs')).toMatch(/^wins [\d.]+, draws [\d.]+, invalid [\d.]+\n$/);
  }, 120_000);

  it('has types for those who check them', () => {
    for (const name of ['play', 'train', 'evaluate'])
      writeFileSync(join(folder, `${name}.mts`), example(`${name}.mjs`));
    const compiler = join(ROOT, 'node_modules/typescript/bin/tsc');
    const options = '--noEmit --strict --skipLibCheck --module nodenext --target es2024 --types node';
    const types = `--typeRoots ${join(ROOT, 'node_modules/@types')}`;
    shell(`node ${compiler} ${options} ${types} play.mts train.mts evaluate.mts`);
  }, 60_000);

  it('has the command line, with recipes and worker processes inside', () => {
    expect(shell(lines[3]!)).toMatch(/^nano at tic_tac_toe, NO_HISTORY, 20 games/);
    const size = '--steps 1 --batch-size 64 --group-size 16 --shards 2 --workers 2 --eval-episodes 10';
    const result = shell(`npx ludic train --recipe tic-tac-toe-random ${size} --out runs/second --json`);
    expect(JSON.parse(result.trim().split('\n').at(-1)!)).toMatchObject({ status: 'finished', steps: 1 });
    expect(shell('npx ludic runs')).toMatch(/^second +tic_tac_toe +nano +1\/1/m);
    expect(shell('npx ludic games tic_tac_toe')).toContain('opponent');
    // A game of its own, outside of the project.
    const elsewhere = mkdtempSync(join(tmpdir(), 'ludic-elsewhere-'));
    const game = join(elsewhere, 'larger.ts');
    copyFileSync(join(ROOT, 'examples/larger.ts'), game);
    expect(shell(`npx ludic evaluate --env ${game} --model expert --episodes 5`)).toMatch(/^expert at larger/);
    rmSync(elsewhere, { recursive: true });
  }, 60_000);

  it('trains with parts of its own, one file each, is stopped, and goes on to the same bytes', () => {
    const parts = {
      'history.mts': `import type { Plugin } from 'ludic';
export default { histories: { OBSERVATION: ({ observation }) => [{ role: 'user', content: observation }] } } satisfies Plugin;`,
      'advantages.mts': `import type { Plugin } from 'ludic';
export default { advantages: { reward: (episodes) => episodes.map(({ turns, reward }) => turns.map(() => reward)) } } satisfies Plugin;`,
      'loss.mts': `import type { Plugin } from 'ludic';
import { minimum, mul, neg } from 'ludic/graph';
export default { losses: { bounded: { averaging: 'batch',
  surrogate: ({ graph, ratio, advantages }) => neg(mul(minimum(ratio, graph.scalar(2)), advantages)) } } } satisfies Plugin;`,
      'metric.mts': `import type { Plugin } from 'ludic';
export default { callbacks: { turns: { afterStep: async ({ episodes, log }) => ({
  metrics: { turns: episodes.flatMap(({ turns }) => turns).length, known: log.length } }) } } } satisfies Plugin;`,
      'own.mts': `import { createRuntime, decideSettings, loadPlugin, NANO_TRAITS, runTraining, type RunCallbacks } from 'ludic';
const [folder, kind] = process.argv.slice(2) as [string, string];
let callbacks: RunCallbacks = {};
for (const name of ['history', 'advantages', 'loss', 'metric'])
  callbacks = { ...callbacks, ...(await loadPlugin(name + '.mts')).callbacks };
const given = { history: 'OBSERVATION', credit: 'reward', loss_type: 'bounded', steps: 3, batch_size: 32, eval_episodes: 4 };
const { settings } = decideSettings({ environment: 'tic_tac_toe', given, model: NANO_TRAITS });
const controller = new AbortController();
const start = kind === 'resume' ? { kind } as const : { kind: 'new', model: 'nano', settings } as const;
const onEvent = ({ type }: { type: string }) => kind === 'stop' && type === 'step' && controller.abort();
const runtime = await createRuntime({ threads: 1 });
const result = await runTraining(start, { folder, runtime, callbacks, onEvent, signal: controller.signal });
console.log(result.status, result.step);`,
    };
    for (const [name, text] of Object.entries(parts)) writeFileSync(join(folder, name), text);
    expect(shell('node own.mts runs/whole new')).toBe('finished 3\n');
    expect(shell('node own.mts runs/cut stop')).toBe('interrupted 1\n');
    const without = spawnSync('npx', ['ludic', 'train', '--out', 'runs/cut', '--resume'], { cwd: folder, env });
    expect(without.stderr.toString()).toMatch(
      /The run began with the history OBSERVATION, the advantages reward, .*--plugin/,
    );
    expect(shell('node own.mts runs/cut resume')).toBe('finished 3\n');
    const read = (name: string) => readFileSync(join(folder, 'runs', name));
    for (const file of ['final/model.safetensors', 'checkpoints/step-000003/optimizer.safetensors'])
      expect(read(`cut/${file}`).equals(read(`whole/${file}`)), file).toBe(true);
    const stepsOf = (run: string) =>
      read(`${run}/metrics.jsonl`)
        .toString()
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line))
        .filter(({ type }) => type === 'step')
        .map(({ own_turns, own_known, loss }) => ({ own_turns, own_known, loss }));
    expect(stepsOf('cut')).toEqual(stepsOf('whole'));
    expect(stepsOf('cut').map(({ own_known }) => own_known)).toEqual([0, 1, 2]);

    const compiler = join(ROOT, 'node_modules/typescript/bin/tsc');
    const options = '--noEmit --strict --skipLibCheck --module nodenext --target es2024 --types node';
    const types = `--typeRoots ${join(ROOT, 'node_modules/@types')}`;
    shell(`node ${compiler} ${options} ${types} own.mts history.mts advantages.mts loss.mts metric.mts`);
  }, 120_000);

  it('serves the page, with a game of its own', async () => {
    const game = ['--env', join(ROOT, 'examples/larger.ts')];
    const child = spawn('node', ['node_modules/ludic/bin/ludic.js', 'evaluator', '--port', '0', '--no-open', ...game], {
      cwd: folder,
      env,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    children.push(child);
    const url = await new Promise<string>((found, failed) => {
      let text = '';
      child.stdout.on('data', (chunk) => {
        text += chunk;
        const match = text.match(/http:\S+/);
        if (match) found(match[0]);
      });
      child.on('exit', () => failed(new Error(text)));
    });
    const page = await (await fetch(url)).text();
    expect(page).toContain('<title>Ludic');
    const games = /href="\.\/(games\/[\w-]+\.js)"/.exec(page)![1];
    expect(await (await fetch(url + games)).text()).toContain('larger');
  }, 30_000);

  it('serves, in processes of its own', async () => {
    const password = 'a-password-of-a-test';
    const hash = execFileSync('npx', ['ludic', 'hash-password'], {
      cwd: folder,
      env,
      input: `${password}\n`,
      encoding: 'utf8',
    });
    const child = spawn('node', ['node_modules/ludic/bin/ludic.js', 'serve', '--port', '0', '--data', 'data'], {
      cwd: folder,
      env: { ...env, LUDIC_PASSWORD_HASH: hash.trim() },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    children.push(child);
    const url = await new Promise<string>((found, failed) => {
      let text = '';
      child.stderr.on('data', (chunk) => {
        text += chunk;
        const match = text.match(/http:\/\/[\d.:]+/);
        if (match) found(match[0]);
      });
      child.on('exit', () => failed(new Error(text)));
    });
    const post = async (path: string, body: object) => {
      const response = await fetch(`${url}${path}`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ password, ...body }),
      });
      return response.json();
    };
    const rollout = await post('/generate-rollout', { model_path: 'nano', env_type: 'tic_tac_toe' });
    expect(rollout).toMatchObject({ env_type: 'tic_tac_toe' });
  }, 60_000);
});
