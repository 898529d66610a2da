// npm run recipe -- NAME [--seed N] [--threads N]: trains by a recipe of this folder in runs/recipes/, evaluates what
// came out on games that the training has not seen, and keeps the curve in recipes/curves/. A recipe that starts from
// another's model trains that first. A stopped run goes on.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { findEnvironment, resolveConfig } from '../packages/environments/src/index.ts';
import { RunFolder } from '../packages/grpo/src/node.ts';

type Options = Readonly<Record<string, string | number | object>>;

interface Recipe {
  readonly title: string;
  /** The recipe whose model this one starts from; nano where there is none. */
  readonly from?: string;
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
const [wanted] = positionals;
if (!wanted) throw new Error('Name a recipe: npm run recipe -- tic-tac-toe-random --seed 0');

const read = (name: string): Recipe => JSON.parse(readFileSync(join(import.meta.dirname, `${name}.json`), 'utf8'));
const runOf = (name: string) => join(ROOT, 'runs', 'recipes', `${name}-seed-${values.seed}`);

const text = (value: Options[string]) => (typeof value === 'object' ? JSON.stringify(value) : String(value));
const words = (options: Options) => Object.entries(options).flatMap(([option, value]) => [`--${option}`, text(value)]);

/** @param cpu a file to which the process adds the CPU seconds that it has used */
function ludic(args: readonly string[], stdout: 'inherit' | 'pipe', cpu?: string): string {
  const main = join(ROOT, 'apps/cli/src/main.ts');
  const counted = cpu === undefined ? [] : ['--import', pathToFileURL(join(import.meta.dirname, 'count-cpu.ts')).href];
  const { status, stdout: text } = spawnSync(process.execPath, [...counted, main, ...args], {
    stdio: ['ignore', stdout, 'inherit'],
    encoding: 'utf8',
    env: { ...process.env, ...(cpu !== undefined && { CPU_SECONDS_FILE: cpu }) },
  });
  if (status !== 0) process.exit(status ?? 1);
  return text;
}

/** Trains by the recipe, after the one that it starts from. Returns the CPU seconds of them all. */
function train(name: string): number {
  const { from } = read(name);
  const before = from === undefined ? 0 : train(from);
  const run = runOf(name);
  const cpu = `${run}.cpu-seconds`;
  if (!existsSync(join(run, 'final'))) {
    const place = ['--out', run, ...(values.threads === undefined ? [] : ['--threads', values.threads])];
    const model = from === undefined ? [] : ['--model', join(runOf(from), 'final')];
    const resumed = existsSync(join(run, 'config.json'));
    mkdirSync(dirname(run), { recursive: true });
    const how = resumed ? ['--resume'] : ['--recipe', name, '--seed', values.seed, ...model];
    ludic(['train', ...place, ...how], 'inherit', cpu);
  }
  const own = existsSync(cpu)
    ? readFileSync(cpu, 'utf8')
        .split('\n')
        .reduce((sum, line) => sum + Number(line), 0)
    : 0;
  return before + own;
}

const recipe = read(wanted);
const cpuSeconds = train(wanted);
const run = runOf(wanted);

const { env, 'env-config': _, history = 'NO_HISTORY' } = recipe.train;
const evaluation = [
  'evaluate',
  '--model',
  join(run, 'final'),
  '--env',
  text(env!),
  '--history',
  text(history),
  '--env-config',
  rulesOf(recipe),
  '--json',
];
const printed = ludic([...evaluation, ...words(recipe.evaluate), '--seed', String(EVALUATION_SEED)], 'pipe');
const { results } = JSON.parse(printed.trim().split('\n').at(-1)!);

/**
 * Opponent and size are part of the game that is evaluated; the training's own rewards are not, so all others are the
 * defaults.
 */
function rulesOf({ train }: Recipe): string {
  const { opponent, size, max_steps } = JSON.parse(text(train['env-config'] ?? {}));
  const own = JSON.parse(JSON.stringify({ opponent, size, max_steps }));
  return JSON.stringify(resolveConfig(findEnvironment(text(train.env!)), own));
}

/** Evaluations while a run trained, one after the other. */
async function curveOf(run: string) {
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
  return { minutes: round(seconds / 60, 1), curve };
}

/** The recipes whose models this one goes on from, the first first. */
function chainOf(name: string): string[] {
  const { from } = read(name);
  return from === undefined ? [] : [...chainOf(from), from];
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}

const kept = join(import.meta.dirname, 'curves', `${wanted}-seed-${values.seed}.json`);
mkdirSync(join(import.meta.dirname, 'curves'), { recursive: true });
const { minutes, curve } = await curveOf(run);
const chain = [];
for (const name of chainOf(wanted)) chain.push({ recipe: name, ...(await curveOf(runOf(name))) });
const record = {
  recipe: wanted,
  seed: Number(values.seed),
  machine: `${values.threads ?? cpus().length} threads of ${cpus()[0]!.model}`,
  minutes,
  // Of the processes of the whole chain, from nano on, evaluations while training included.
  cpu_minutes: round(cpuSeconds / 60, 1),
  results,
  ...(chain.length > 0 && { chain }),
  curve,
};
// One evaluation a line.
const lines = JSON.stringify(record, null, 2).replace(/\{\n\s+"step"[^}]*\}/g, (point) =>
  JSON.stringify(JSON.parse(point)),
);
writeFileSync(kept, `${lines}\n`);
console.log(`${JSON.stringify(results)}\n${relative(ROOT, kept)} holds the curve.`);
