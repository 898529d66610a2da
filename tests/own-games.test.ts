// docs/own-games.md holds: its files are written as they stand there, and its commands are run beside them.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';

const ROOT = resolve(import.meta.dirname, '..');
const TEXT = readFileSync(join(ROOT, 'docs/own-games.md'), 'utf8');
const folder = mkdtempSync(join(tmpdir(), 'ludic-tutorial-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const ludic = `ludic() { "${process.execPath}" --disable-warning=ExperimentalWarning "${ROOT}/apps/cli/src/main.ts" "$@"; }`;
/** What each command printed, in its order. */
const printed = new Map<string, string>();
const after = (command: string) => printed.get(command) ?? `${command} is no command of the document`;

beforeAll(() => {
  for (const [, name, text] of TEXT.matchAll(/as\s+`([\w.]+)`:\n\n```\w+\n(.*?)^```$/gms))
    writeFileSync(join(folder, name!), text!);
  for (const [, commands] of TEXT.matchAll(/^```sh\n(.*?)^```$/gms))
    for (const command of commands!.trim().split('\n')) {
      const run = spawnSync('bash', ['-c', `${ludic}\n${command}`], { cwd: folder, encoding: 'utf8' });
      if (run.status !== 0) throw new Error(`${command} ended with ${run.status}: ${run.stderr}`);
      printed.set(command, run.stdout);
    }
}, 900_000);

it('makes a task of a dataset and its rewards', () => {
  expect(after('ludic games ./capitals.ts')).toMatch(/^capitals {2}capitals\n {2}Name the capital/);
  expect(after('ludic rollout --env ./capitals.ts --model expert')).toMatch(
    /→ <answer>\w+<\/answer>\n {2}\(reward 1\.1\)/,
  );
  // Never right, since the answers of random are those of training items.
  expect(after('ludic evaluate --env ./capitals.ts --model random --episodes 100')).toMatch(
    /^success +0\.0 %[\s\S]*^right +0\.000\n^short +1\.000$/m,
  );
});

it('trains in it, and shows the curve of each reward', () => {
  const shown = after('ludic runs show runs/capitals');
  expect(shown).toContain('game_right: ');
  expect(shown).toContain('game_short: ');
  expect(after('ludic evaluate --model runs/capitals --env ./capitals.ts --episodes 20')).toMatch(/^success/m);
});

it('takes 15 lines for arithmetic', () => {
  const lines = readFileSync(join(ROOT, 'examples/arithmetic.ts'), 'utf8').split('\n');
  expect(lines.filter((line) => line !== '' && !line.startsWith('//')).length).toBeLessThanOrEqual(15);
});

it('makes a game, whose expert wins nearly always', () => {
  const wins = (player: string) =>
    Number(/^win +([\d.]+) %/m.exec(after(`ludic evaluate --env ./nim.ts --model ${player} --episodes 500`))?.[1]);
  expect(wins('expert')).toBeGreaterThan(95);
  expect(wins('random')).toBeLessThan(65);
  expect(after('ludic rollout --env ./nim.ts --model expert --seed 3')).toMatch(/Matches: 21\n→ <take>1<\/take>/);
});
