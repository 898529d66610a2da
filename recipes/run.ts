// npm run recipe -- NAME [--seed N] [--threads N]: trains by a recipe of this folder in runs/recipes/, evaluates what
// came out on games that the training has not seen, and keeps the curve in recipes/curves/. A stopped run goes on.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { RunFolder } from '../packages/grpo/src/node.ts';

type Options = Readonly<Record<string, string | number | object>>;

interface Recipe {
  readonly title: string;
  /** Options of `ludic train` and `ludic evaluate`. */
  readonly train: Options;
  readonly evaluate: Options;
}

const ROOT = join(import.meta.dirname, '..');
/** Evaluations of the recipe draw their games from here, those of the training from its own seed. */
const EVALUATION_SEED = 1_000_000;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { seed: { type: 'string', default: '0' }, threads: { type: 'string' } },
});
const [name] = positionals;
if (!name) throw new Error('Name a recipe: npm run recipe -- tic-tac-toe-random --seed 0');
const recipe: Recipe = JSON.parse(readFileSync(join(import.meta.dirname, `${name}.json`), 'utf8'));
const run = join(ROOT, 'runs', 'recipes', `${name}-seed-${values.seed}`);

const text = (value: Options[string]) => (typeof value === 'object' ? JSON.stringify(value) : String(value));
const words = (options: Options) => Object.entries(options).flatMap(([option, value]) => [`--${option}`, text(value)]);

function ludic(args: readonly string[], stdout: 'inherit' | 'pipe'): string {
  const main = join(ROOT, 'apps/cli/src/main.ts');
  const { status, stdout: text } = spawnSync(process.execPath, [main, ...args], {
    stdio: ['ignore', stdout, 'inherit'],
    encoding: 'utf8',
  });
  if (status !== 0) process.exit(status ?? 1);
  return text;
}

const place = ['--out', run, ...(values.threads === undefined ? [] : ['--threads', values.threads])];
const resumed = existsSync(join(run, 'config.json'));
ludic(['train', ...place, ...(resumed ? ['--resume'] : ['--recipe', name, '--seed', values.seed])], 'inherit');

const { env, 'env-config': _, history = 'NO_HISTORY' } = recipe.train;
const evaluation = [
  'evaluate',
  '--model',
  join(run, 'final'),
  '--env',
  text(env!),
  '--history',
  text(history),
  '--json',
];
const own = env === 'tic_tac_toe' ? opponentOf(recipe) : [];
const printed = ludic([...evaluation, ...own, ...words(recipe.evaluate), '--seed', String(EVALUATION_SEED)], 'pipe');
const { results } = JSON.parse(printed.trim().split('\n').at(-1)!);

/** The opponent is part of the game that is evaluated; the training's own rewards are not. */
function opponentOf({ train }: Recipe): string[] {
  const { opponent } = JSON.parse(text(train['env-config'] ?? {}));
  return opponent === undefined ? [] : ['--env-config', JSON.stringify({ opponent })];
}

let seconds = 0;
let games = 0;
let entropy = 0;
const curve = [];
for (const line of await (await RunFolder.open(run)).log()) {
  if (line.type !== 'step' && line.type !== 'evaluation') continue;
  seconds += line.seconds;
  if (line.type === 'step') {
    games += line.episodes;
    entropy = line.entropy;
    continue;
  }
  const { step, success_rate, win_rate, draw_rate, loss_rate, mean_steps, mean_reward } = line;
  curve.push({
    step,
    games,
    minutes: round(seconds / 60, 2),
    entropy: round(entropy, 3),
    success_rate,
    ...(win_rate !== undefined && { win_rate, draw_rate, loss_rate }),
    mean_steps: round(mean_steps, 2),
    mean_reward: round(mean_reward, 4),
  });
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}

const kept = join(import.meta.dirname, 'curves', `${name}-seed-${values.seed}.json`);
mkdirSync(join(import.meta.dirname, 'curves'), { recursive: true });
const record = {
  recipe: name,
  seed: Number(values.seed),
  machine: `${values.threads ?? cpus().length} threads of ${cpus()[0]!.model}`,
  minutes: round(seconds / 60, 1),
  results,
  // One evaluation a line.
  curve: '@',
};
const rows = curve.map((point) => `    ${JSON.stringify(point)}`).join(',\n');
writeFileSync(kept, `${JSON.stringify(record, null, 2).replace('"@"', () => `[\n${rows}\n  ]`)}\n`);
console.log(`${JSON.stringify(results)}\n${relative(ROOT, kept)} holds the curve.`);
