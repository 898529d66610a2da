// Plugins on the command line, in a folder that has no packages: parts of a training by the path of their file.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { runLudic } from '../../testing/run-ludic.ts';

const folder = mkdtempSync(join(tmpdir(), 'ludic-own-parts-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const write = (name: string, text: string) => {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};

const mine = write(
  'mine.ts',
  `import type { Plugin } from 'ludic';
import { mul, neg } from 'ludic/graph';
export default {
  histories: {
    LAST_REPLY: ({ systemPrompt, turns, observation }) => [
      { role: 'system', content: systemPrompt },
      { role: 'user', content: \`\${turns.at(-1)?.reply ?? ''}\n\${observation}\` },
    ],
  },
  advantages: { sign: (episodes) => episodes.map(({ turns, reward }) => turns.map(() => Math.sign(reward))) },
  losses: { plain: { averaging: 'batch', surrogate: ({ ratio, advantages }) => neg(mul(ratio, advantages)) } },
} satisfies Plugin;
`,
);
const metric = write(
  'metric.ts',
  `export default { callbacks: { early: { afterStep: async ({ step, episodes }) => ({
  metrics: { replies: episodes.flatMap(({ turns }) => turns).length },
  ...(step === 2 && { stop: 'two steps are enough' }),
}) } } };
`,
);
const out = join(folder, 'run');
const size = ['--batch-size', '16', '--group-size', '8', '--shards', '2', '--eval-episodes', '4', '--beta', '0'];
const parts = ['--history', 'LAST_REPLY', '--credit', 'sign', '--loss-type', 'plain'];
const train = (to: string, ...more: string[]) =>
  runLudic('train', '--env', 'tic_tac_toe', '--out', to, '--steps', '3', ...size, ...parts, ...more);

it('are used by several processes as by one, end a run, and are asked for where it goes on', async () => {
  const plugins = ['--plugin', mine, '--plugin', metric];
  const trained = await train(out, ...plugins, '--workers', '2');
  expect(trained).toMatchObject({ code: 0, stdout: expect.stringContaining('two steps are enough (early).') });
  expect(await train(join(folder, 'alone'), ...plugins)).toMatchObject({ code: 0 });
  const weights = (run: string) => readFileSync(join(run, 'final/model.safetensors'));
  expect(weights(out).equals(weights(join(folder, 'alone')))).toBe(true);
  const log = readFileSync(join(out, 'metrics.jsonl'), 'utf8').trim().split('\n');
  expect(log.map((line) => JSON.parse(line)).map(({ type, step }) => [type, step])).toEqual([
    ['step', 1],
    ['step', 2],
    ['evaluation', 2],
  ]);
  expect(JSON.parse(log[0]!).own_replies).toBeGreaterThan(15);

  expect(await runLudic('train', '--out', out, '--resume', '--plugin', mine)).toMatchObject({
    code: 2,
    stderr: expect.stringContaining(`The run began with the callback early: name what holds it, --plugin ${metric}.`),
  });
  expect(await runLudic('train', '--out', out, '--resume', ...plugins)).toMatchObject({ code: 0 });
  expect((await runLudic('runs', 'show', out)).stdout).toContain('own_replies: As a callback of the run measures it');
});

it('have the histories that a model was trained with', async () => {
  const evaluate = (...more: string[]) => runLudic('evaluate', '--model', out, '--episodes', '4', ...more);
  expect(await evaluate()).toMatchObject({ code: 2, stderr: expect.stringContaining('--plugin ./mine.ts') });
  expect(await evaluate('--plugin', mine)).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('tic_tac_toe, LAST_REPLY, 4 games'),
  });
});

it('are named in what is said of a name that none has, also of a recipe, which names no file', async () => {
  expect(await train(join(folder, 'none'))).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/--history: LAST_REPLY is none of NO_HISTORY, .*named by --plugin/),
  });
  const recipe = write('recipe.json', '{"train": {"env": "tic_tac_toe", "plugin": "./mine.ts"}}');
  expect(await runLudic('train', '--recipe', recipe, '--out', join(folder, 'none'))).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('sets plugin, which is no setting'),
  });
});
