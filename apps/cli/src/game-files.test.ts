// A game that the program does not know, in a folder that has no packages: everything that the command line does with a game.

import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { runLudic, startLudic } from '../testing/run-ludic.ts';

const folder = mkdtempSync(join(tmpdir(), 'ludic-own-game-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const game = join(folder, 'larger.ts');
copyFileSync(new URL('../../../examples/larger.ts', import.meta.url), game);
const out = join(folder, 'run');

it('is shown, played and evaluated', async () => {
  const shown = await runLudic('games', game);
  expect(shown.stdout).toMatch(/^larger {2}Larger[\s\S]*highest[\s\S]*Scripted players \(--model\): random, expert/);
  expect((await runLudic('rollout', '--env', game, '--model', 'expert', '--seed', '1')).stdout).toContain(
    '<number>9</number>',
  );
  const { stdout } = await runLudic('evaluate', '--env', game, '--model', 'expert', '--episodes', '20', '--json');
  expect(JSON.parse(stdout)).toMatchObject({ env_type: 'larger', results: { mean_reward: 1 } });
});

it('is trained in by several processes as by one, and a run asks for its file', async () => {
  const settings = [
    '--steps',
    '2',
    '--batch-size',
    '32',
    '--group-size',
    '8',
    '--warm-start',
    '2',
    '--shards',
    '2',
    '--eval-episodes',
    '4',
  ];
  const train = (to: string, ...more: string[]) => runLudic('train', '--env', game, '--out', to, ...settings, ...more);
  expect(await train(out, '--workers', '2')).toMatchObject({ code: 0 });
  expect(await train(join(folder, 'alone'))).toMatchObject({ code: 0 });
  const weights = (run: string) => readFileSync(join(run, 'final/model.safetensors'));
  expect(weights(out).equals(weights(join(folder, 'alone')))).toBe(true);
  expect(JSON.parse(readFileSync(join(out, 'config.json'), 'utf8')).game).toMatchObject({ file: game });

  expect(await runLudic('train', '--out', out, '--resume')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining(`name that file, --env ${game}`),
  });
  expect(await runLudic('evaluate', '--model', out, '--episodes', '4')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('--env ./my-game.ts'),
  });
  expect(await runLudic('evaluate', '--model', out, '--env', game, '--episodes', '4')).toMatchObject({ code: 0 });
  writeFileSync(game, `${readFileSync(game, 'utf8')}// Another line.\n`);
  expect(await runLudic('train', '--out', out, '--resume', '--env', game)).toMatchObject({
    code: 0,
    stderr: expect.stringContaining('is not what it was when the run began'),
  });
});

it('comes from a package of the folder that one works in', async () => {
  const place = join(folder, 'node_modules/@board/two');
  mkdirSync(place, { recursive: true });
  writeFileSync(join(place, 'package.json'), '{ "name": "@board/two", "type": "module", "exports": "./games.js" }');
  const text = readFileSync(new URL('../../../examples/larger.ts', import.meta.url), 'utf8');
  const plain = stripTypeScriptTypes(text).replace('export default', 'const larger =');
  const two = "export default [{ ...larger, id: 'first' }, { ...larger, id: 'second' }];";
  writeFileSync(join(place, 'games.js'), `${plain}\n${two}\n`);
  const here = (...args: string[]) => startLudic(args, {}, folder).finished;
  expect(await here('games', '@board/two')).toMatchObject({
    stdout: expect.stringMatching(/^first {2}Larger[\s\S]*\nsecond {2}Larger[\s\S]*--env @board\/two#first /),
  });
  const play = ['--model', 'expert', '--episodes', '4'];
  expect(await here('evaluate', '--env', '@board/two#second', ...play)).toMatchObject({ code: 0 });
  expect(await here('evaluate', '--env', '@board/two', ...play)).toMatchObject({ code: 2 });
  const { code, stderr } = await here('evaluate', '--env', 'no-such-game', ...play);
  expect([code, stderr]).toEqual([2, expect.stringMatching(/no environment "no-such-game"/)]);
}, 60_000);

it('is refused where the file has several and none is named', async () => {
  const two = join(folder, 'two.ts');
  writeFileSync(
    two,
    `import larger from './larger.ts';\nexport default [{ ...larger, id: 'first' }, { ...larger, id: 'second' }];\n`,
  );
  const evaluate = (named: string) => runLudic('evaluate', '--env', named, '--model', 'expert', '--episodes', '2');
  expect(await evaluate(two)).toMatchObject({ code: 2, stderr: expect.stringContaining(`${two}#first`) });
  expect(await evaluate(`${two}#third`)).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/no game third; it has first, second/),
  });
  expect(await evaluate(`${two}#second`)).toMatchObject({ code: 0 });
});
