// Training as a user runs it: repeatable, and resumable after a kill at any moment.

import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runLudic, startLudic } from '../../testing/run-ludic.ts';

let scratch = '';
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'ludic-train-'));
});
afterAll(() => rm(scratch, { recursive: true, force: true }));

const STEPS = 6;
const SETTINGS = [
  '--env',
  'tic_tac_toe',
  '--steps',
  String(STEPS),
  '--group-size',
  '8',
  '--batch-size',
  '32',
  '--seed',
  '3',
  '--eval-every',
  '2',
  '--eval-episodes',
  '40',
  '--save-every',
  '1',
  '--beta',
  '0.01',
  '--num-iterations',
  '2',
  '--max-completion-length',
  '4',
  '--threads',
  '1',
];
const train = (name: string) => ['train', '--out', join(scratch, name), ...SETTINGS];
const resume = (name: string) => ['train', '--out', join(scratch, name), '--resume', '--threads', '1'];

/** metrics.jsonl without what the clock and the machine say. */
async function metricsOf(name: string): Promise<object[]> {
  const text = await readFile(join(scratch, name, 'metrics.jsonl'), 'utf8');
  return text
    .trim()
    .split('\n')
    .map((line) => {
      const { seconds: _, tokens_per_second: __, peak_memory: ___, ...rest } = JSON.parse(line);
      return rest;
    });
}

const weightsOf = (name: string) => readFile(join(scratch, name, 'final', 'model.safetensors'));

async function expectSameRun(name: string): Promise<void> {
  expect(await metricsOf(name)).toEqual(await metricsOf('whole'));
  expect((await weightsOf(name)).equals(await weightsOf('whole'))).toBe(true);
  const optimizer = (run: string) =>
    readFile(join(scratch, run, 'checkpoints', `step-00000${STEPS}`, 'optimizer.safetensors'));
  expect((await optimizer(name)).equals(await optimizer('whole'))).toBe(true);
}

describe('ludic train', () => {
  it('learns in a folder that holds everything about the run', async () => {
    const { code, stdout } = await runLudic(...train('whole'), '--json');
    expect(code).toBe(0);
    expect(JSON.parse(stdout.trim().split('\n').at(-1)!)).toMatchObject({ status: 'finished', steps: STEPS });
    expect((await readdir(join(scratch, 'whole'))).sort()).toEqual([
      'checkpoints',
      'config.json',
      'episodes.jsonl',
      'final',
      'metrics.jsonl',
      'run.lock',
    ]);
    const metrics = await metricsOf('whole');
    expect(metrics.filter((line) => 'loss' in line)).toHaveLength(STEPS);
    for (const line of metrics) if ('max_log_ratio' in line) expect(line.max_log_ratio).toBeLessThan(1e-4);
    const { code: evaluated, stdout: json } = await runLudic(
      'evaluate',
      '--model',
      join(scratch, 'whole', 'final'),
      '--env',
      'tic_tac_toe',
      '--episodes',
      '20',
      '--json',
    );
    expect(evaluated).toBe(0);
    expect(JSON.parse(json)).toMatchObject({
      env_type: 'tic_tac_toe',
      eval_episodes: 20,
      history_strategy: 'NO_HISTORY',
      results: { total_episodes: 20 },
    });
  });

  it('gives the same run for the same seed', async () => {
    await runLudic(...train('again'));
    await expectSameRun('again');
  });

  it('is held to another reference, by the process itself and by workers alike', async () => {
    const start = join(scratch, 'whole', 'checkpoints', `step-00000${STEPS}`);
    const held = ['--model', start, '--reference', 'nano', '--beta', '0.1', '--shards', '2'];
    expect((await runLudic(...train('bound'), ...held)).code).toBe(0);
    expect((await runLudic(...train('shared'), ...held, '--workers', '2')).code).toBe(0);
    expect((await weightsOf('shared')).equals(await weightsOf('bound'))).toBe(true);
    const [first] = await metricsOf('bound');
    expect(first).toMatchObject({ mean_kl: expect.any(Number) });
    expect((first as { mean_kl: number }).mean_kl).toBeGreaterThan(1e-4);
    expect(await runLudic(...train('none'), '--beta', '0.1', '--reference', 'no/such/model')).toMatchObject({
      code: 2,
    });
    expect(await readdir(scratch)).not.toContain('none');
  });

  it('keeps the precision that it began with', async () => {
    const sizes = ['--group-size', '4', '--batch-size', '8', '--eval-episodes', '4', '--max-completion-length', '4'];
    const run = join(scratch, 'half');
    const begun = await runLudic(
      ...['train', '--env', 'tic_tac_toe', '--steps', '1', '--precision', 'float16', '--out', run, ...sizes],
    );
    expect(begun.code).toBe(0);
    const { settings } = JSON.parse(await readFile(join(run, 'config.json'), 'utf8'));
    expect(settings.precision).toBe('float16');
    const { code, stderr } = await runLudic('train', '--out', run, '--resume', '--precision', 'float32');
    expect(code).toBe(2);
    expect(stderr).toContain("--precision float32 differs from the run's own float16");
  });

  // After so many whole steps and so many milliseconds more: inside a step, an evaluation or a checkpoint.
  it.each([
    [0, 40],
    [1, 15],
    [2, 5],
    [3, 120],
    [5, 60],
  ])('ends with the same bytes after a kill %i steps and %i ms into the run', async (steps, delay) => {
    const name = `killed-${steps}`;
    const { process: child, finished } = startLudic(train(name));
    const reached = async (): Promise<boolean> => {
      if (steps === 0)
        return (await readdir(join(scratch, name, 'checkpoints')).catch((): string[] => [])).includes('step-000000');
      const text = await readFile(join(scratch, name, 'metrics.jsonl'), 'utf8').catch(() => '');
      return text.includes(`"type":"step","step":${steps},`);
    };
    while (child.exitCode === null && !(await reached())) await sleep(5);
    await sleep(delay);
    child.kill('SIGKILL');
    expect((await finished).signal).toBe('SIGKILL');
    expect((await runLudic(...resume(name))).code).toBe(0);
    await expectSameRun(name);
  });

  it('saves on Ctrl-C and tells how to go on', async () => {
    const { process: child, finished } = startLudic(train('interrupted'));
    while (
      child.exitCode === null &&
      !(await readFile(join(scratch, 'interrupted', 'metrics.jsonl'), 'utf8').catch(() => ''))
    )
      await sleep(5);
    child.kill('SIGINT');
    const { code, stdout } = await finished;
    expect(code).toBe(130);
    expect(stdout).toMatch(/--out .*interrupted --resume/);
    expect((await runLudic(...resume('interrupted'))).code).toBe(0);
    await expectSameRun('interrupted');
  });

  it('is left alone while another process works on it', async () => {
    const name = 'held';
    const { process: child, finished } = startLudic(train(name));
    while (
      child.exitCode === null &&
      !(await readdir(join(scratch, name)).catch((): string[] => [])).includes('config.json')
    )
      await sleep(5);
    const [second, fresh] = await Promise.all([runLudic(...resume(name)), runLudic(...train(name))]);
    expect(second.code).toBe(2);
    expect(second.stderr).toMatch(/Another process works on the run/);
    expect(fresh.code).toBe(2);
    expect((await finished).code).toBe(0);
    await expectSameRun(name);
  });

  it('refuses an existing run, a missing one, and settings that differ from the run', async () => {
    const again = await runLudic(...train('whole'));
    expect(again.code).toBe(2);
    expect(again.stderr).toMatch(/already holds files. Add --resume/);
    const missing = await runLudic(...resume('nowhere'));
    expect(missing.code).toBe(2);
    expect(missing.stderr).toMatch(/is no run/);
    const changed = await runLudic(...resume('whole'), '--batch-size', '64');
    expect(changed.code).toBe(2);
    expect(changed.stderr).toMatch(/--batch-size 64 differs from the run's own 32/);
  });

  it('says which checkpoint is damaged', async () => {
    await writeFile(
      join(scratch, 'again', 'checkpoints', `step-00000${STEPS}`, 'optimizer.safetensors'),
      'x'.repeat(100),
    );
    const { code, stderr } = await runLudic(...resume('again'));
    expect(code).toBe(2);
    expect(stderr).toMatch(/step-000006 cannot be read/);
  });
});

describe('ludic train --lora-rank', () => {
  const adapted = (name: string) => [...train(name), '--lora-rank', '4', '--lora-targets', 'q_proj,down_proj'];
  const scored = async (...model: string[]): Promise<number[]> => {
    const { stdout } = await runLudic('score', ...model, '--text', 'You are X.\nX.O\n...\n...\nYour move.', '--json');
    return JSON.parse(stdout).logprobs;
  };

  it('trains an adapter alone, which can be taken along or merged', async () => {
    expect((await runLudic(...adapted('lora'))).code).toBe(0);
    const at = (...parts: string[]) => join(scratch, 'lora', ...parts);
    expect((await readdir(at('checkpoints', 'step-000006'))).sort()).toEqual([
      'adapter_config.json',
      'adapter_model.safetensors',
      'generation_config.json',
      'ludic.json',
      'optimizer.safetensors',
      'state.json',
      'tokenizer.json',
      'tokenizer_config.json',
    ]);
    const merged = await scored('--model', at('final'));
    expect(await scored('--model', 'nano', '--adapter', at('final', 'adapter'))).toEqual(merged);
    expect(merged).not.toEqual(await scored('--model', 'nano'));
  });

  it('goes on after a kill with the same bytes', async () => {
    const { process: child, finished } = startLudic(adapted('lora-killed'));
    const metrics = join(scratch, 'lora-killed', 'metrics.jsonl');
    while (child.exitCode === null && !(await readFile(metrics, 'utf8').catch(() => '')).includes('"step":3,'))
      await sleep(5);
    child.kill('SIGKILL');
    await finished;
    expect((await runLudic(...resume('lora-killed'))).code).toBe(0);
    const adapter = (name: string) => readFile(join(scratch, name, 'final', 'adapter', 'adapter_model.safetensors'));
    expect((await adapter('lora-killed')).equals(await adapter('lora'))).toBe(true);
  });
});

describe('ludic train --onnx', () => {
  const filesOf = async (...parts: string[]) => (await readdir(join(scratch, ...parts))).sort();
  const short = (name: string) => [...train(name), '--steps', '2', '--eval-episodes', '8'];

  it('puts the graph into every checkpoint and into the final model, and goes on doing so', async () => {
    expect((await runLudic(...short('onnx'), '--onnx')).code).toBe(0);
    for (const folder of ['checkpoints/step-000000', 'checkpoints/step-000001', 'final']) {
      const files = await filesOf('onnx', folder);
      expect(files).toEqual(
        expect.arrayContaining(['config.json', 'generation_config.json', 'tokenizer.json', 'onnx']),
      );
      expect(await filesOf('onnx', folder, 'onnx')).toEqual(['model.onnx']);
    }
    await rm(join(scratch, 'onnx', 'final'), { recursive: true });
    await rm(join(scratch, 'onnx', 'checkpoints', 'step-000002'), { recursive: true });
    expect((await runLudic(...resume('onnx'))).code).toBe(0);
    expect(await filesOf('onnx', 'checkpoints', 'step-000002', 'onnx')).toEqual(['model.onnx']);
    expect(await filesOf('onnx', 'final', 'onnx')).toEqual(['model.onnx']);
    const changed = await runLudic(...resume('onnx'), '--onnx', 'q4');
    expect(changed.stderr).toMatch(/--onnx q4 differs from the run's own fp32/);
    expect((await runLudic(...resume('onnx'), '--onnx')).code).toBe(0);
  });

  it('merges an adapter into the graphs', async () => {
    const { code } = await runLudic(...short('onnx-lora'), '--lora-rank', '2', '--onnx', 'q4,fp16');
    expect(code).toBe(0);
    for (const folder of ['checkpoints/step-000002', 'final']) {
      expect(await filesOf('onnx-lora', folder)).toContain('config.json');
      expect(await filesOf('onnx-lora', folder, 'onnx')).toEqual(['model_fp16.onnx', 'model_q4.onnx']);
    }
    const config = JSON.parse(await readFile(join(scratch, 'onnx-lora', 'final', 'config.json'), 'utf8'));
    expect(config['transformers.js_config']).toEqual({ kv_cache_dtype: { fp16: 'float16' } });
  });
});

describe('bad input', () => {
  it.each([
    [['evaluate', '--env', 'chess'], /no environment "chess"; the known ones are key_door, tic_tac_toe/],
    [
      ['evaluate', '--env', 'key_door', '--model', 'gpt-9'],
      /There is no folder gpt-9 here\. .* Use nano, .* or a player of key_door: /,
    ],
    [['evaluate', '--env', 'key_door', '--history', 'SOME'], /NO_HISTORY, FULL_HISTORY/],
    [['evaluate', '--env', 'key_door', '--episodes', 'many'], /whole number/],
    [['evaluate', '--env', 'key_door', '--env-config', '{"size":1}'], /size/],
    [['evaluate', '--env', 'key_door', '--env-config', '{"colour":1}'], /colour/],
    [['evaluate', '--env', 'key_door', '--env-config', '{'], /no JSON/],
    [['evaluate', '--env', 'key_door', '--colour'], /unknown option/],
    [['train', '--env', 'key_door'], /--out/],
    [
      ['train', '--env', 'key_door', '--out', '/tmp/never', '--batch-size', '65', '--group-size', '64'],
      /batchSize is 65/,
    ],
    [['train', '--env', 'key_door', '--out', '/tmp/never', '--lora-alpha', '2'], /--lora-alpha needs --lora-rank/],
    [['evaluate', '--env', 'key_door', '--adapter', '/tmp'], /no adapter_config\.json/],
    [['evaluate', '--env', 'key_door', '--model', 'random', '--adapter', '/tmp'], /scripted player/],
    [['score', '--ids', '1,x'], /whole numbers with commas/],
    [['score', '--ids', '1,99999'], /outside the vocabulary/],
    [['rollout', '--env', 'tic_tac_toe', '--model', '/tmp'], /no config\.json/],
    [['export', '--out', '/tmp'], /exists already/],
    [['export', '--out', '/tmp/never', '--dtype', 'fp32,int9'], /of fp32, fp16, q4/],
    [['dance'], /unknown command/],
  ])('%j is answered with one clear sentence and exit code 2', async (args, message) => {
    const { code, stderr } = await runLudic(...args);
    expect(stderr).toMatch(message);
    expect(stderr).not.toMatch(/\n\s+at /);
    expect(code).toBe(2);
  });
});
