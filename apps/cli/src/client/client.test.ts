// The client's commands as processes, against a server that gives what each test needs.

import { spawn, spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type Behaviour,
  HEALTH,
  JOB,
  sendError,
  sendJson,
  startBadServer,
} from '../../../../packages/service/testing/bad-server.ts';
import { startLudic } from '../../testing/run-ludic.ts';
import { clientCommand } from './command.ts';

const PASSWORD = 'correct horse';
const MAIN = fileURLToPath(new URL('../main.ts', import.meta.url));

async function client(behave: Behaviour, ...args: readonly string[]) {
  await using server = await startBadServer(behave);
  const env = { LUDIC_BASE_URL: server.baseUrl, LUDIC_PASSWORD: PASSWORD };
  const finished = await startLudic(['client', ...args], env).finished;
  expect(finished.stdout + finished.stderr).not.toContain(PASSWORD);
  expect(finished.stderr).not.toMatch(/\n\s+at /);
  return { ...finished, received: [...server.received], baseUrl: server.baseUrl };
}

const RESULTS = {
  mean_reward: 0.9123,
  mean_reward_ci95: [0.8, 0.95],
  success_rate: 0.875,
  success_ci95: [0.5291, 0.9776],
  total_episodes: 8,
  mean_steps: 3.5,
  invalid_rate: 0.01,
  invalid_episode_rate: 0.02,
  truncation_rate: 0,
  failure_rate: 0,
  cut_off_rate: 0,
  win_rate: 0.875,
  draw_rate: 0,
  loss_rate: 0.125,
};
const EVALUATION = {
  model_path: 'first',
  env_type: 'tic_tac_toe',
  eval_episodes: 8,
  history_strategy: 'NO_HISTORY',
  results: RESULTS,
};
const PLAY = ['--model-path', 'first', '--env-type', 'tic_tac_toe'];
const TRAIN = ['--action', 'train', '--model-name', 'nano', '--env-type', 'tic_tac_toe', '--output-dir', 'first'];
const STARTED = { job_id: 'j1', status: 'started', message: 'Job j1 trains first.', effective: {} };

describe('ludic client', () => {
  it('evaluates with the words of the request and prints the rates', async () => {
    const { code, stdout, received } = await client(
      (response) => sendJson(response, EVALUATION),
      ...['--action', 'evaluate', ...PLAY, '--eval-episodes', '8', '--history-strategy', 'FULL_HISTORY'],
      ...['--sampling-params', '{"top_p":0.5,"temperature":2}', '--temperature', '0', '--max-tokens', '7'],
      ...['--env-config', '{"opponent":"expert"}'],
    );
    expect(code).toBe(0);
    expect(stdout.split('\n')).toEqual(
      expect.arrayContaining(['Success rate: 87.50%', 'Mean reward: 0.912', 'Wins: 87.50%', 'Losses: 12.50%']),
    );
    expect(received).toHaveLength(1);
    expect(received[0]).toMatchObject({
      method: 'POST',
      url: '/evaluate-policy',
      headers: { authorization: `Bearer ${PASSWORD}` },
    });
    expect(JSON.parse(received[0]!.body)).toEqual({
      model_path: 'first',
      env_type: 'tic_tac_toe',
      eval_episodes: 8,
      history_strategy: 'FULL_HISTORY',
      sampling_params: { top_p: 0.5, temperature: 0, max_tokens: 7 },
      env_config: { opponent: 'expert' },
      include_trajectories: false,
    });
  });

  it('prints the answer itself with --json', async () => {
    const answer = { ...EVALUATION, trajectories: [], later: 'more' };
    const { stdout, received } = await client(
      (response) => sendJson(response, answer),
      ...['--action', 'evaluate', ...PLAY, '--json'],
    );
    expect(JSON.parse(stdout)).toEqual(answer);
    expect(JSON.parse(received[0]!.body)).toEqual({
      model_path: 'first',
      env_type: 'tic_tac_toe',
      include_trajectories: true,
      sampling_params: { temperature: 0 },
    });
  });

  it('starts a training with every kind of field and says how to follow it', async () => {
    const { code, stdout, received } = await client(
      (response) => sendJson(response, STARTED, 202),
      ...TRAIN,
      ...['--learning-rate', '2e-4', '--batch-size', '64', '--max-steps', '9', '--temperature', '0.9'],
      ...['--gradient-checkpointing', '--lora-rank', '4', '--lora-targets', 'q_proj,k_proj', '--onnx', 'q4'],
    );
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: 'Job j1 trains first.\nFollow it with: npm run ludic -- client --action job --job-id j1 --follow\n',
    });
    expect(JSON.parse(received[0]!.body)).toEqual({
      model_name: 'nano',
      env_type: 'tic_tac_toe',
      output_dir: 'first',
      learning_rate: 0.0002,
      batch_size: 64,
      max_steps: 9,
      temperature: 0.9,
      gradient_checkpointing: true,
      lora_rank: 4,
      lora_targets: ['q_proj', 'k_proj'],
      onnx: ['q4'],
    });
  });

  it('shows a game', async () => {
    const steps = [
      {
        prompt: [
          { role: 'system', content: 'Play.' },
          { role: 'user', content: 'You are X.' },
        ],
        observation: 'You are X.',
        assistant: '<move>5</move>',
        cut_off: false,
        reward: 1,
        info_from_env: { invalid: false, outcome: 'win' },
      },
    ];
    const rollout = {
      model_path: 'first',
      env_type: 'tic_tac_toe',
      max_steps: 50,
      trajectory: {
        group: 0,
        seed: 1,
        dynamics_seed: 2,
        end_reason: 'terminated',
        final_observation: 'You won.',
        steps,
      },
      summary: { total_reward: 1, steps_taken: 1, final_reward: 1 },
    };
    const { stdout } = await client((response) => sendJson(response, rollout), '--action', 'rollout', ...PLAY);
    expect(stdout).toBe(
      'Play.\n\nYou are X.\n→ <move>5</move>\n  (reward 1, win)\n\nfirst at tic_tac_toe: 1 steps, total reward 1, final reward 1\n',
    );
  });

  it('asks after health without a password', async () => {
    const { code, stdout, received, baseUrl } = await client(
      (response) => sendJson(response, HEALTH),
      '--action',
      'health',
    );
    expect(code).toBe(0);
    expect(stdout).toContain(`${baseUrl}: healthy`);
    expect(received[0]!.headers.authorization).toBeUndefined();
    expect(received).toHaveLength(1);
  });

  it.each([
    [[...TRAIN, '--eval-episodes', '0'], /--eval-episodes 0 cannot be used\. A whole number of at least 1/],
    [[...TRAIN, '--env-config', '{'], /--env-config \{ cannot be used\. It is no JSON/],
    [[...TRAIN, '--top-k', '3'], /--top-k is an option of evaluate, rollout; train has no use for it/],
    [['--action', 'jobs', '--learning-rate', '1'], /--learning-rate is an option of train; jobs has no use/],
    [['--action', 'evaluate', '--env-type', 'key_door'], /--model-path must be given to evaluate/],
    [['--action', 'evaluate'], /--model-path and --env-type must be given/],
    [['--action', 'jobs', '--status', 'lost'], /One of queued, running/],
    [['--action', 'dance'], /Allowed choices are health, train/],
    [['--action', 'jobs', '--base-url', 'http://example.org'], /not encrypted/],
    [['--action', 'jobs', '--base-url', 'localhost'], /http:\/\/localhost:PORT/],
    [['--action', 'jobs', '--base-url', 'example.org'], /no address of a server/],
  ])('%j is answered with one sentence, before anything is sent', async (args, message) => {
    await using server = await startBadServer((response) => sendJson(response, {}));
    let written = '';
    const command = clientCommand()
      .exitOverride()
      .configureOutput({ writeErr: (text) => void (written += text) });
    const words = args.includes('--base-url') ? args : [...args, '--base-url', server.baseUrl];
    const failure = command.parseAsync([...words, '--password', PASSWORD], { from: 'user' });
    await expect(failure).rejects.toThrow(message);
    await expect(failure).rejects.toMatchObject({ name: expect.stringMatching(/^(Usage|Client|Commander)Error$/) });
    expect(written).not.toContain(PASSWORD);
    expect(server.received).toEqual([]);
  });

  it('leaves it to the server which games there are', async () => {
    const error = { code: 'bad_request', message: 'There is no game chess.', details: [] };
    const args = ['--action', 'evaluate', ...PLAY, '--env-type', 'chess'];
    const { code, stderr, received } = await client((response) => sendJson(response, { error }, 400), ...args);
    expect([code, stderr]).toEqual([2, 'ludic: There is no game chess.\n']);
    expect(received).toHaveLength(1);
  });

  it('passes on each fault that the server finds', async () => {
    const error = {
      code: 'bad_request',
      message: 'The request cannot be used: see batch_size.',
      details: [{ field: 'batch_size', message: 'A multiple of group_size is needed.' }],
    };
    const { code, stderr } = await client((response) => sendJson(response, { error }, 400), ...TRAIN);
    expect(code).toBe(2);
    expect(stderr).toBe(
      'ludic: The request cannot be used: see batch_size.\n  batch_size: A multiple of group_size is needed.\n',
    );
  });

  it.each([
    [401, 'unauthorized', 2, /LUDIC_PASSWORD/],
    [404, 'not_found', 2, /says not_found/],
    [409, 'conflict', 2, /says conflict/],
    [503, 'unavailable', 1, /says unavailable/],
    [500, 'internal', 1, /says internal/],
  ])('%i %s ends with exit code %i + sentence', async (status, name, expected, message) => {
    const { code, stderr } = await client((response) => sendError(response, status, name), ...TRAIN);
    expect({ code, stderr }).toEqual({ code: expected, stderr: expect.stringMatching(message) });
  });

  it('names a server that is not there', async () => {
    const { finished } = startLudic(['client', '--action', 'models', '--base-url', 'http://127.0.0.1:9'], {
      LUDIC_PASSWORD: PASSWORD,
    });
    expect(await finished).toMatchObject({ code: 1, stderr: expect.stringMatching(/127\.0\.0\.1:9\/models gave no/) });
  });

  it('wants a password where none can be asked for', async () => {
    const { finished } = startLudic(['client', '--action', 'models', '--base-url', 'http://127.0.0.1:9'], {
      LUDIC_PASSWORD: '',
    });
    expect(await finished).toMatchObject({ code: 2, stderr: expect.stringMatching(/set LUDIC_PASSWORD/) });
  });

  it('advises a job where games take longer than it waits', async () => {
    const { code, stderr } = await client(() => {}, '--action', 'evaluate', ...PLAY, '--timeout', '1');
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringMatching(/within 1 s\. With --follow/) });
  });

  it('advises a job where games take longer than the server waits', async () => {
    const { code, stderr } = await client(
      (response) => sendError(response, 422, 'too_long'),
      '--action',
      'evaluate',
      ...PLAY,
    );
    expect({ code, stderr }).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/too_long\. Here that is --follow\.\n$/),
    });
  });

  it('tells in the list why jobs failed', async () => {
    const failed = { ...JOB, job_id: 'j2', status: 'failed', reason: 'The disk of the server is full.' };
    const { code, stdout } = await client(
      (response) => sendJson(response, { jobs: [JOB, failed] }),
      '--action',
      'jobs',
    );
    expect(code).toBe(0);
    expect(stdout).toMatch(/^j2 .* failed .*\n\nj2: The disk of the server is full\.\n$/m);
  });

  it('takes a password of the command line', async () => {
    const { received } = await client(
      (response) => sendJson(response, { models: [] }),
      ...['--action', 'models', '--password', 'another one'],
    );
    expect(received[0]!.headers.authorization).toBe('Bearer another one');
  });
});

const SCRIPT = spawnSync('script', ['--version']).status === 0;

describe.skipIf(!SCRIPT)('ludic client at a terminal', () => {
  it('asks for the password without echo, and sends nothing when it is given up', async () => {
    await using server = await startBadServer((response) => sendJson(response, { models: [] }));
    const atTerminal = (keys: string) => {
      const child = spawn(
        'script',
        ['-qec', `'${process.execPath}' '${MAIN}' client --action models --base-url ${server.baseUrl}`, '/dev/null'],
        { env: { ...process.env, LUDIC_PASSWORD: '' } },
      );
      const { promise, resolve } = Promise.withResolvers<{ status: number | null; shown: string }>();
      let shown = '';
      let isAsked = false;
      child.stdout.on('data', (chunk: Buffer) => {
        shown += chunk;
        if (isAsked || !shown.includes('Password for')) return;
        isAsked = true;
        child.stdin.write(keys);
      });
      child.on('close', (status) => resolve({ status, shown }));
      return promise;
    };
    expect(await atTerminal('corr\x03')).toMatchObject({ status: 130 });
    expect(server.received).toEqual([]);
    const { status, shown } = await atTerminal(`${PASSWORD}\r`);
    expect(status).toBe(0);
    expect(shown).toContain(`Password for ${server.baseUrl}: `);
    expect(shown).toContain('There are no models.');
    expect(shown).not.toContain('correct');
    expect(server.received[0]!.headers.authorization).toBe(`Bearer ${PASSWORD}`);
  });
});

const event = (id: number, type: string, data: unknown) =>
  `id: ${id}\nevent: ${type}\ndata: ${JSON.stringify(data)}\n\n`;
const step = (number: number) => ({
  step: number,
  mean_reward: number / 10,
  success_rate: 0.5,
  entropy: 1.25,
  invalid_rate: 0.25,
  gradient_norm: 0.5,
  max_log_ratio: 1e-6,
  zero_variance_groups: 0,
  seconds: 0.5,
  tokens_per_second: 1000,
});
const ENDED = { ...JOB, status: 'completed', step: 4 };
const EVENTS = [
  event(1, 'job', { ...JOB, status: 'queued', step: 0 }),
  event(2, 'job', JOB),
  ...[1, 2, 3, 4].map((number) => event(2 + number, 'step', step(number))),
  event(7, 'evaluation', { step: 4, success_rate: 0.75, mean_steps: 3, mean_reward: 0.7, best: true, seconds: 1 }),
  event(8, 'warning', { message: 'Careful.' }),
  event(9, 'job', ENDED),
];
const streaming = (response: ServerResponse) => response.writeHead(200, { 'content-type': 'text/event-stream' });

describe('ludic client --follow', () => {
  const serving =
    (ended: object): Behaviour =>
    (response, { url, headers }, count) => {
      if (url === '/start-training') return sendJson(response, STARTED, 202);
      if (url === '/jobs/j1') return sendJson(response, ended);
      const rest = EVENTS.slice(Number(headers['last-event-id'] ?? 0)).join('');
      // The first connection is cut within the third step.
      return count < 2
        ? streaming(response).write(rest.slice(0, rest.indexOf('"step":3') + 5), () => response.destroy())
        : streaming(response).end(rest);
    };

  it('shows the curve of a training over a broken connection, each step once', async () => {
    const { code, stdout, stderr } = await client(serving(ENDED), ...TRAIN, '--follow');
    expect(stderr).toBe('Job j1 trains first.\n');
    expect(code).toBe(0);
    expect(stdout.split('\n')).toEqual([
      'Job j1 is queued.',
      'Job j1 is running.',
      'tic_tac_toe, NO_HISTORY: 8 games a step, 4 steps',
      expect.stringMatching(/^step 1\/4 {2}mean reward 0\.100 {2}success 50\.0 % {2}entropy 1\.25 {2}invalid 25\.0 %/),
      expect.stringMatching(/^step 4\/4 {2}mean reward 0\.400 .* 0 s left$/),
      'evaluation at step 4: success 75.0 %, 3.0 steps, mean reward 0.700, the best so far',
      'Careful.',
      'Done: the server has the model first, for --action evaluate or --action download.',
      '',
    ]);
    expect(stdout).not.toContain('NaN');
  });

  it('ends with the reason and exit code 1 where the job failed', async () => {
    const failed = { ...ENDED, status: 'failed', reason: 'It ran out of memory.' };
    const { code, stdout } = await client(
      (response, { url }) =>
        url === '/jobs/j1' ? sendJson(response, failed) : streaming(response).end(event(1, 'job', failed)),
      ...['--action', 'job', '--job-id', 'j1', '--follow'],
    );
    expect({ code, stdout }).toEqual({ code: 1, stdout: 'Job j1 failed: It ran out of memory.\n' });
  });

  it('prints the rates of an evaluation that was made a job', async () => {
    const completed = { ...ENDED, kind: 'evaluate', output_dir: null, result: EVALUATION };
    const { code, stdout, received } = await client(
      (response, { url }) =>
        url === '/evaluate-policy'
          ? sendJson(response, STARTED, 202)
          : url === '/jobs/j1'
            ? sendJson(response, completed)
            : streaming(response).end(event(1, 'job', completed)),
      ...['--action', 'evaluate', ...PLAY, '--follow'],
    );
    expect(code).toBe(0);
    expect(stdout.split('\n')).toEqual(expect.arrayContaining(['Success rate: 87.50%', 'Mean reward: 0.912']));
    expect(JSON.parse(received[0]!.body)).toMatchObject({ async: true });
  });

  it('leaves the job alone on Ctrl-C and says how to come back', async () => {
    await using server = await startBadServer((response, { url }) =>
      url === '/start-training'
        ? sendJson(response, STARTED, 202)
        : streaming(response).write(EVENTS.slice(0, 3).join('')),
    );
    const { process: child, finished } = startLudic(['client', ...TRAIN, '--follow'], {
      LUDIC_BASE_URL: server.baseUrl,
      LUDIC_PASSWORD: PASSWORD,
    });
    child.stdout!.on('data', (chunk: Buffer) => chunk.includes('step 1/4') && child.kill('SIGINT'));
    const { code, stderr } = await finished;
    expect(code).toBe(130);
    expect(stderr).toContain('--action job --job-id j1 --follow');
    expect(stderr).toContain('--action cancel --job-id j1');
    expect(server.received.map(({ url }) => url)).toEqual(['/start-training', '/jobs/j1/events']);
  });

  it('prints a log as it grows, until the job has ended', async () => {
    const log = ['one', 'two', 'two', 'three'];
    let looks = 0;
    const { code, stdout } = await client(
      (response, { url }) => {
        if (url === '/jobs/j1') return sendJson(response, looks < 2 ? JOB : ENDED);
        looks++;
        return response.end(`${log.slice(0, looks + 1).join('\n')}\n${looks === 2 ? 'hal' : ''}`);
      },
      ...['--action', 'logs', '--job-id', 'j1', '--follow'],
    );
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'one\ntwo\ntwo\nthree\n' });
  });
});

describe('ludic client --action download', () => {
  let scratch = '';
  beforeAll(async () => {
    scratch = await mkdtemp(join(tmpdir(), 'ludic-client-'));
  });
  afterAll(() => rm(scratch, { recursive: true, force: true }));

  const FILES: Readonly<Record<string, Buffer>> = {
    'config.json': Buffer.from('{}'),
    'model.safetensors': Buffer.alloc(300_000, 'weights '),
    'onnx/model.onnx': Buffer.alloc(50_000, 'graph '),
  };
  const model = (modified_at: string, files: Readonly<Record<string, Buffer>> = FILES) => ({
    name: 'first',
    kind: 'run',
    status: 'ready',
    env_type: 'tic_tac_toe',
    size_bytes: 1,
    modified_at,
    files: Object.entries(files).map(([path, { length }]) => ({ path, size_bytes: length })),
  });
  const FIRST = '2026-01-01T00:00:00Z';

  /** @param most bytes of one answer */
  const serving =
    (most: (count: number) => number, modified = () => FIRST): Behaviour =>
    (response, { url, headers }, count) => {
      if (url === '/models/first') return sendJson(response, model(modified()));
      const content = FILES[url.slice('/models/first/'.length)]!;
      const etag = `"${modified()}"`;
      const from = headers['if-range'] === etag ? Number(/\d+/.exec(headers.range!)![0]) : 0;
      const rest = content.subarray(from);
      response.writeHead(from > 0 ? 206 : 200, {
        etag,
        'content-length': rest.length,
        ...(from > 0 && { 'content-range': `bytes ${from}-${content.length - 1}/${content.length}` }),
      });
      if (rest.length <= most(count)) return response.end(rest);
      return response.write(rest.subarray(0, most(count)), () => response.destroy());
    };
  const words = (name: string) => ['--action', 'download', '--model-name', 'first', '--out', join(scratch, name)];

  async function expectWhole(name: string): Promise<void> {
    expect((await readdir(scratch)).filter((entry) => entry.startsWith(name))).toEqual([name]);
    expect((await readdir(join(scratch, name))).sort()).toEqual(['config.json', 'model.safetensors', 'onnx']);
    for (const [path, content] of Object.entries(FILES))
      expect((await readFile(join(scratch, name, path))).equals(content)).toBe(true);
  }

  it('brings a model over connections that break', async () => {
    const { code, stdout } = await client(
      serving(() => 70_000),
      ...words('broken'),
    );
    expect(code).toBe(0);
    expect(stdout).toContain(`evaluate --env tic_tac_toe --model ${join(scratch, 'broken')}`);
    await expectWhole('broken');
    const again = await client(
      serving(() => Number.POSITIVE_INFINITY),
      ...words('broken'),
    );
    expect(again).toMatchObject({ code: 2, stderr: expect.stringMatching(/exists already/) });
  });

  it('goes on after a kill with what is there', async () => {
    const { promise: half, resolve } = Promise.withResolvers<void>();
    {
      await using server = await startBadServer((response, received, count) => {
        if (!received.url.endsWith('safetensors'))
          return serving(() => Number.POSITIVE_INFINITY)(response, received, count);
        response.writeHead(200, { etag: `"${FIRST}"`, 'content-length': 300_000 });
        return response.write(FILES['model.safetensors']!.subarray(0, 100_000), () => resolve());
      });
      const { process: child, finished } = startLudic(['client', ...words('killed')], {
        LUDIC_BASE_URL: server.baseUrl,
        LUDIC_PASSWORD: PASSWORD,
      });
      await half;
      const part = join(scratch, 'killed.part', 'model.safetensors');
      while ((await readFile(part).catch(() => '')).length < 100_000) await new Promise((done) => setTimeout(done, 5));
      child.kill('SIGKILL');
      await finished;
    }
    expect(await readdir(scratch)).not.toContain('killed');
    const { code, received } = await client(
      serving(() => Number.POSITIVE_INFINITY),
      ...words('killed'),
    );
    expect(code).toBe(0);
    expect(received.map(({ url, headers }) => [url, headers.range])).toEqual([
      ['/models/first', undefined],
      ['/models/first/model.safetensors', 'bytes=100000-'],
      ['/models/first/onnx/model.onnx', undefined],
      ['/models/first', undefined],
    ]);
    await expectWhole('killed');
  });

  it('never mixes two versions of a model', async () => {
    let asked = 0;
    const moving = await client(
      serving(
        () => Number.POSITIVE_INFINITY,
        () => (asked++ < 4 ? FIRST : '2026-01-02T00:00:00Z'),
      ),
      ...words('moving'),
    );
    expect(moving).toMatchObject({ code: 1, stderr: expect.stringMatching(/changed while/) });
    expect((await readdir(scratch)).filter((name) => name.startsWith('moving'))).toEqual([]);
  });

  it('refuses files that would lie elsewhere, and a folder that is in the way', async () => {
    for (const path of ['../x', '/etc/x', 'a/../../x', 'a\\..\\x', '.ludic-download.json']) {
      const { code, stderr } = await client(
        (response) => sendJson(response, model(FIRST, { [path]: Buffer.from('x') })),
        ...words('outside'),
      );
      expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringMatching(/which is no path/) });
    }
    await mkdir(join(scratch, 'mine.part'));
    await writeFile(join(scratch, 'mine.part', 'precious'), 'x');
    const { code, stderr } = await client(
      serving(() => Number.POSITIVE_INFINITY),
      ...words('mine'),
    );
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringMatching(/in the way/) });
    expect(await readFile(join(scratch, 'mine.part', 'precious'), 'utf8')).toBe('x');
  });
});
