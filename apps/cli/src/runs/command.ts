// ludic runs: lists runs, draws the curve of one, compares several, and prints one as a recipe.

import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { LOGGED_STEP_METRICS } from '@ludic/grpo';
import { isCallbackMetric, trainingFields } from '@ludic/grpo/internal';
import { isGameMetric } from '@ludic/rollouts/internal';
import { Command } from 'commander';
import { UsageError } from '../failure.ts';
import { percent, table } from '../units.ts';
import { type Curve, svgChart, textChart } from './chart.ts';
import { type EvaluationLine, type RunReport, readRun, readRuns, runJson } from './read-run.ts';
import { recipeOf } from './run-recipe.ts';

interface Output {
  readonly json?: boolean;
}

export function runsCommand(): Command {
  const command = new Command('runs').description('List runs, show their curves, compare them');
  command
    .command('list', { isDefault: true })
    .description('List the runs in a folder')
    .argument('[folder]', 'Folder that holds runs', 'runs')
    .option('--json', 'Print one JSON array')
    .action(list);
  command
    .command('show')
    .description('Draw the curve of a run')
    .argument('<run>', 'Folder of the run')
    .option('--svg <file>', 'Also write the curve as an SVG picture')
    .option('--json', 'Print one JSON object with every step')
    .action(show);
  command
    .command('compare')
    .description('Compare runs: their results, and the settings that differ')
    .argument('<runs...>', 'Folders of two or more runs')
    .option('--json', 'Print one JSON object')
    .action(compare);
  command
    .command('recipe')
    .description('Print a run as a recipe: runs recipe RUN > my.json, then train --recipe my.json')
    .argument('<run>', 'Folder of the run')
    .action(async (folder: string) => {
      console.log(JSON.stringify(recipeOf((await readRun(folder)).config), undefined, 2));
    });
  return command;
}

async function list(folder: string, { json }: Output): Promise<void> {
  if (!existsSync(folder)) throw new UsageError(`There is no folder ${folder}. Name the one that holds your runs.`);
  const runs = await readRuns(folder);
  if (json) return console.log(JSON.stringify(runs.map(runJson)));
  if (runs.length === 0) return console.log(`${folder} holds no runs. Start one with train --out ${folder}/NAME.`);
  console.log(
    table([
      ['run', 'game', 'model', 'steps', 'last success', 'best success', 'state'],
      ...runs.map((run) => [
        run.name,
        run.config.settings.environment,
        run.config.model,
        `${run.steps.at(-1)?.step ?? 0}/${run.config.settings.steps}`,
        reached(run.evaluations.at(-1)),
        reached(run.best),
        run.state,
      ]),
    ]),
  );
}

const reached = (line: EvaluationLine | undefined) => (line ? `${percent(line.success_rate)} at ${line.step}` : '–');

async function show(folder: string, { svg, json }: Output & { readonly svg?: string }): Promise<void> {
  const run = await readRun(folder);
  if (svg !== undefined) await writeFile(svg, svgChart(headingOf(run), curvesOf(run)));
  if (json) return console.log(JSON.stringify({ ...runJson(run), log: [...run.steps, ...run.evaluations] }));
  console.log(headingOf(run));
  const width = Math.max(20, Math.min(100, (process.stdout.columns ?? 80) - 14));
  for (const curve of curvesOf(run)) console.log(`\n${textChart(curve, width, 6)}`);
  if (run.evaluations.length > 0) console.log('\nEvaluations, with 95 % intervals');
  for (const line of run.evaluations) {
    const [low, high] = line.success_ci95;
    const mark = line === run.best ? '   best' : '';
    console.log(
      `  step ${String(line.step).padEnd(6)} success ${percent(line.success_rate)} (${percent(low)} to ${percent(high)})   mean reward ${line.mean_reward.toFixed(3)}${mark}`,
    );
  }
}

const headingOf = ({ name, config: { model, settings }, steps, state }: RunReport) =>
  `${name}: ${model} in ${settings.environment}, ${settings.history}, ${steps.at(-1)?.step ?? 0} of ${settings.steps} steps, ${state}`;

const DRAWN = ['mean_reward', 'success_rate', 'invalid_rate', 'entropy'] as const;

function curvesOf({ steps }: RunReport): readonly Curve[] {
  if (steps.length === 0) throw new UsageError('The run has made no step yet.');
  const keys = [...new Set(steps.flatMap((line) => Object.keys(line)))].sort();
  const [ofGame, ofCallbacks] = [keys.filter(isGameMetric), keys.filter(isCallbackMetric)];
  const curve = (key: (typeof DRAWN | typeof ofGame | typeof ofCallbacks)[number], meaning: string): Curve => ({
    title: `${key}: ${meaning}`,
    points: steps.flatMap(({ step, [key]: value }) => (value === undefined ? [] : [{ step, value }])),
  });
  return [
    ...DRAWN.map((key) => curve(key, LOGGED_STEP_METRICS[key].meaning)),
    ...ofGame.map((key) => curve(key, 'Mean of a game, as the game measures it')),
    ...ofCallbacks.map((key) => curve(key, 'As a callback of the run measures it')),
  ];
}

async function compare(folders: readonly string[], { json }: Output): Promise<void> {
  if (folders.length < 2) throw new UsageError('Name at least two runs.');
  const runs = await Promise.all(folders.map(readRun));
  const settings = runs.map(({ config }) => ({
    model: config.model,
    env: config.settings.environment,
    env_config: config.settings.environmentConfig,
    ...trainingFields(config.settings),
  })) as readonly Readonly<Record<string, unknown>>[];
  const names = [...new Set(settings.flatMap((each) => Object.keys(each)))];
  const text = (value: unknown) =>
    value === undefined ? '–' : typeof value === 'string' ? value : JSON.stringify(value);
  const differing = names.filter((name) => new Set(settings.map((each) => text(each[name]))).size > 1);
  if (json) {
    const differences = Object.fromEntries(differing.map((name) => [name, settings.map((each) => each[name] ?? null)]));
    return console.log(JSON.stringify({ runs: runs.map(runJson), differences }));
  }
  const rate = (line: EvaluationLine | undefined) =>
    line ? `${reached(line)} (${line.success_ci95.map(percent).join(' to ')})` : '–';
  console.log(
    table([
      ['', ...runs.map(({ name }) => name)],
      ['best success', ...runs.map(({ best }) => rate(best))],
      ['last success', ...runs.map(({ evaluations }) => rate(evaluations.at(-1)))],
      ['mean reward', ...runs.map(({ evaluations }) => evaluations.at(-1)?.mean_reward.toFixed(3) ?? '–')],
      ['steps', ...runs.map(({ steps, config }) => `${steps.at(-1)?.step ?? 0}/${config.settings.steps}`)],
      ['minutes', ...runs.map(({ steps }) => (steps.reduce((sum, { seconds }) => sum + seconds, 0) / 60).toFixed(1))],
      ['state', ...runs.map(({ state }) => state)],
      ...differing.map((name) => [name.replaceAll('_', '-'), ...settings.map((each) => text(each[name]))]),
    ]),
  );
}
