// One number has one key wherever it is told: in the library's events, in metrics.jsonl, over HTTP, on the command line
// and in dashboards.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runLudic } from '../apps/cli/testing/run-ludic.ts';
import { ModelStore } from '../apps/server/src/models/model-store.ts';
import { openFiles } from '../apps/server/src/models/open-model.ts';
import { startService, type TestService } from '../apps/server/testing/service.ts';
import { LOGGED_STEP_METRICS, type RunEvent } from '../packages/grpo/src/index.ts';
import { SAMPLED_METRICS } from '../packages/grpo/src/internal.ts';
import { RunFolder, runTraining } from '../packages/grpo/src/node.ts';
import { EVALUATION_METRICS } from '../packages/rollouts/src/index.ts';
import { createRuntime } from '../packages/runtime/src/node.ts';
import { scalarsOf } from '../packages/tracking/src/scalars.ts';

type Numbers = Readonly<Record<string, unknown>>;

let service: TestService;
let rows: Numbers[];
let run: string;
let job: string;

const TRAINING = {
  model_name: 'nano',
  env_type: 'tic_tac_toe',
  output_dir: 'walked',
  batch_size: 8,
  group_size: 4,
  max_steps: 1,
  eval_every: 1,
  eval_episodes: 4,
  max_completion_length: 4,
  // Another than that of the training, so that the games of the step stand beside the evaluation.
  eval_temperature: 0,
};

/** The data of the server-sent events of a type. */
const dataOf = (events: string, type: string): Numbers[] =>
  events.split('\n\n').flatMap((event) => {
    const lines = event.split('\n');
    return lines.includes(`event: ${type}`)
      ? [JSON.parse(lines.find((line) => line.startsWith('data: '))!.slice(6))]
      : [];
  });

beforeAll(async () => {
  service = await startService();
  const started = await service.post('/start-training', TRAINING);
  expect(started.status).toBe(202);
  job = ((await started.json()) as { job_id: string }).job_id;
  await (await service.ask(`/jobs/${job}/events`)).text();
  run = join(service.folder, 'data/models/walked');
  rows = (await readFile(join(run, 'metrics.jsonl'), 'utf8'))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
}, 180_000);
afterAll(() => service.close());

const rowOf = (type: string): Numbers => rows.find((row) => row.type === type)!;
const withoutType = ({ type: _, ...row }: Numbers): Numbers => row;
const keysOf = (numbers: object) => Object.keys(numbers).sort();
/** Keys of a table that a run of TicTacToe without failures tells. */
const told = (...tables: object[]) =>
  tables
    .flatMap((table) => Object.keys(table))
    .filter((key) => key !== 'first_failure')
    .sort();

describe('the keys of a training', () => {
  it('are those of the tables in metrics.jsonl', () => {
    const optional = ['mean_kl', 'sampler_mismatch', 'truncated_weights'];
    expect(keysOf(withoutType(rowOf('step')))).toEqual(
      told(LOGGED_STEP_METRICS).filter((key) => !optional.includes(key) || key in rowOf('step')),
    );
    const place = { step: 0, temperature: 0, best: false, seconds: 0 };
    expect(keysOf(withoutType(rowOf('evaluation')))).toEqual(told(EVALUATION_METRICS, SAMPLED_METRICS, place));
  });

  it('are those of metrics.jsonl over HTTP: in the metrics, the events, and the latest numbers of a job', async () => {
    const metrics = (await (await service.ask(`/jobs/${job}/metrics`)).json()) as Record<string, Numbers[]>;
    const step = withoutType(rowOf('step'));
    const evaluation = withoutType(rowOf('evaluation'));
    expect(metrics.steps).toEqual([step]);
    expect(metrics.evaluations).toEqual([evaluation]);
    const events = await (await service.ask(`/jobs/${job}/events`)).text();
    expect(dataOf(events, 'step')).toEqual([step]);
    expect(dataOf(events, 'evaluation')).toEqual([evaluation]);
    const { latest, result } = (await (await service.ask(`/jobs/${job}`)).json()) as Record<string, Numbers>;
    const { step: _, ...numbers } = step;
    expect(latest).toEqual(numbers);
    expect(keysOf(result!.evaluation as Numbers)).toEqual(told(EVALUATION_METRICS));
  });

  it('are those of metrics.jsonl on the command line and in dashboards', async () => {
    const shown = JSON.parse((await runLudic('runs', 'show', run, '--json')).stdout);
    expect(shown.log).toEqual(rows);
    for (const [type, group] of [
      ['step', 'train'],
      ['evaluation', 'eval'],
    ] as const)
      for (const [key, value] of Object.entries(scalarsOf(rowOf(type)))) {
        expect(key.startsWith(`${group}/`)).toBe(true);
        expect(value).toBe(rowOf(type)[key.slice(group.length + 1)]);
      }
    expect(Object.keys(scalarsOf(rowOf('step'))).length).toBe(Object.keys(rowOf('step')).length - 2);
  });

  it('are those of metrics.jsonl in the events of the library', async () => {
    const events: RunEvent[] = [];
    const { config } = await RunFolder.open(run);
    const folder = join(service.folder, 'by-the-library');
    const store = await ModelStore.open(join(service.folder, 'data'));
    const files = await openFiles(await store.resolve('nano'));
    await runTraining(
      { kind: 'new', model: 'nano', settings: config.settings },
      {
        folder,
        runtime: await createRuntime({ threads: 1 }),
        openFiles: async () => files,
        clock: () => performance.now(),
        onEvent: (event) => events.push(event),
      },
    );
    const step = events.find((event) => event.type === 'step')!;
    const { peak_memory: _, ...expected } = rowOf('step') as { peak_memory: number };
    expect(keysOf(step.metrics)).toEqual(keysOf(withoutType(expected)));
    expect(step.metrics.mean_reward).toBe(rowOf('step').mean_reward);
    const { evaluation, sampled, temperature, best, seconds } = events.find((event) => event.type === 'evaluation')!;
    const place = { step: 1, temperature, best, seconds };
    expect(keysOf({ ...evaluation, ...sampled, ...place })).toEqual(keysOf(withoutType(rowOf('evaluation'))));
  });
});

describe('the keys of an evaluation', () => {
  it('are the same on the command line and over HTTP', async () => {
    const words = ['--env', 'tic_tac_toe', '--episodes', '4', '--seed', '3', '--max-completion-length', '4', '--json'];
    const { stdout } = await runLudic('evaluate', '--model', 'nano', ...words);
    const answer = await service.post('/evaluate-policy', {
      model_path: 'nano',
      env_type: 'tic_tac_toe',
      eval_episodes: 4,
      seed: 3,
      sampling_params: { temperature: 0, max_tokens: 4 },
      include_trajectories: false,
    });
    const { results } = (await answer.json()) as { results: Numbers };
    expect(keysOf(results)).toEqual(told(EVALUATION_METRICS));
    expect(keysOf(JSON.parse(stdout).results)).toEqual(keysOf(results));
  });

  it('have the measures of notes where a scratchpad is kept and facts are hidden', async () => {
    const config = { max_steps: 3 };
    const words = ['--env', 'key_door', '--env-config', JSON.stringify(config), '--history', 'SCRATCHPAD'];
    const { stdout } = await runLudic('evaluate', '--model', 'nano', '--episodes', '4', ...words, '--json');
    const answer = await service.post('/evaluate-policy', {
      model_path: 'nano',
      env_type: 'key_door',
      env_config: config,
      history_strategy: 'SCRATCHPAD',
      eval_episodes: 4,
      include_trajectories: false,
    });
    const { results } = (await answer.json()) as { results: Numbers };
    expect(keysOf(results)).toEqual(expect.arrayContaining(['notes_empty_rate', 'notes_rate_door', 'notes_rate_key']));
    expect(keysOf(JSON.parse(stdout).results)).toEqual(keysOf(results));
    expect(scalarsOf({ ...results, type: 'evaluation' })).toHaveProperty('eval/notes_information_door');
  });
});
