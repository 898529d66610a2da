import { DEFAULT_TRAINING } from '@ludic/grpo';
import { describe, expect, it } from 'vitest';
import type { z } from 'zod';
import { badRequest } from './errors.ts';
import { evaluatePolicy, generateRollout, playedGame, requestedTraining, startTraining } from './requests.ts';

const TRAINING = { model_name: 'nano', env_type: 'key_door', output_dir: 'first' };
const PLAYING = { model_path: 'nano', env_type: 'key_door' };

/** Fields that a schema has something against, as the service answers them. */
function faults(schema: z.ZodType, request: unknown): readonly string[] {
  const { error } = schema.safeParse(request);
  return error ? [...new Set(badRequest(error).details.map(({ field }) => field))] : [];
}

describe('a request that says only what is needed', () => {
  it('trains with the defaults of the contract', () => {
    expect(startTraining.parse(TRAINING)).toEqual({
      ...TRAINING,
      learning_rate: 1e-5,
      batch_size: 32,
      max_steps: 1000,
      env_size: 4,
      rollout_max_steps: 50,
      tensor_parallel_size: 2,
      env_config: {},
      history_strategy: 'NO_HISTORY',
      tensorboard: false,
    });
  });

  it('evaluates with the defaults of the contract', () => {
    expect(evaluatePolicy.parse(PLAYING)).toEqual({
      ...PLAYING,
      env_config: {},
      eval_episodes: 10,
      history_strategy: 'NO_HISTORY',
      sampling_params: { temperature: 0.1, max_tokens: 100, top_k: 0, top_p: 1 },
      seed: 0,
      max_steps: 50,
      include_trajectories: true,
      async: false,
    });
  });

  it('rolls out with the defaults of the contract', () => {
    expect(generateRollout.parse({ ...PLAYING, sampling_params: { max_tokens: 5 } })).toEqual({
      ...PLAYING,
      env_config: {},
      max_steps: 50,
      sampling_params: { temperature: 0.7, max_tokens: 5, top_k: 0, top_p: 1 },
      history_strategy: 'NO_HISTORY',
      seed: 0,
    });
  });
});

describe('a bad request', () => {
  it.each<[object, readonly string[]]>([
    [{}, []],
    [{ model_name: undefined }, ['model_name']],
    [{ model_name: '' }, ['model_name']],
    [{ env_type: 'chess' }, ['env_type']],
    [{ learning_rate: 0 }, ['learning_rate']],
    [{ learning_rate: '1e-5' }, ['learning_rate']],
    [{ learning_rate: Number.POSITIVE_INFINITY }, ['learning_rate']],
    [{ batch_size: 1 }, ['batch_size']],
    [{ batch_size: 8.5 }, ['batch_size']],
    [{ batch_size: 32, group_size: 5 }, ['batch_size']],
    [{ max_steps: 0 }, ['max_steps']],
    [{ env_size: 1000 }, ['env_size']],
    [{ rollout_max_steps: -1 }, ['rollout_max_steps']],
    [{ tensor_parallel_size: 0 }, ['tensor_parallel_size']],
    [{ seed: 2 ** 60 }, ['seed']],
    [{ history_strategy: 'ALL' }, ['history_strategy']],
    [{ lora_alpha: 4 }, ['lora_alpha']],
    [{ lora_targets: ['q_proj'] }, ['lora_targets']],
    [{ epsilon: 1 }, ['epsilon']],
    [{ delta: 1.1 }, ['delta']],
    [{ wandb_project: 'a/b' }, ['wandb_project']],
    [{ onnx: ['fp32', 'int9'] }, ['onnx.1']],
    [{ env_config: { size: 1 } }, ['env_config']],
    [{ env_config: { colour: 'red' } }, ['env_config']],
    [{ env_config: { size: null } }, ['env_config.size']],
    [{ env_config: [] }, ['env_config']],
    [{ env_config: { colour: 'red' }, lora_alpha: 4, delta: 1 }, ['env_config', 'lora_alpha', 'delta']],
    [{ learning_rte: 1 }, ['learning_rte']],
    [{ __proto__: { batch_size: 1 } }, []],
    [{ batch_size: 1, env_size: 0, env_type: 'chess', more: 1 }, ['env_type', 'batch_size', 'env_size', 'more']],
  ])('to train, with %j, names %j', (change, fields) => {
    expect(faults(startTraining, { ...TRAINING, ...change })).toEqual(fields);
  });

  it.each<[object, readonly string[]]>([
    [{ eval_episodes: 0 }, ['eval_episodes']],
    [{ sampling_params: { temperature: -1 } }, ['sampling_params.temperature']],
    [{ sampling_params: { top_p: 0, max_token: 1 } }, ['sampling_params.top_p', 'sampling_params.max_token']],
    [{ sampling_params: 'hot' }, ['sampling_params']],
    [{ seed: -1 }, ['seed']],
    [{ env_type: 'tic_tac_toe', env_config: { size: 3 } }, ['env_config']],
    [{ async: 'yes' }, ['async']],
  ])('to evaluate, with %j, names %j', (change, fields) => {
    expect(faults(evaluatePolicy, { ...PLAYING, ...change })).toEqual(fields);
  });

  it.each([null, [], 'x', 7, undefined])('may be no object at all: %j', (request) => {
    const { error } = startTraining.safeParse(request);
    expect(badRequest(error!)).toMatchObject({ code: 'bad_request', status: 400 });
  });

  it('is answered at bounded length, whatever names it makes up', () => {
    const many = Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`${'x'.repeat(10_000)}${i}`, i]));
    const { error } = startTraining.safeParse({ ...TRAINING, ...many });
    const answer = JSON.stringify(badRequest(error!));
    expect(answer.length).toBeLessThan(10_000);
  });
});

describe('output_dir', () => {
  it.each(['first', '/tmp/trained_model', 'runs/a', './x', 'v1.2_b-c'])('%s is a name', (output_dir) => {
    expect(faults(startTraining, { ...TRAINING, output_dir })).toEqual([]);
  });

  it.each(['', '..', '../x', '/..', 'a/../../b', '.x', '-x', 'a\\b', 'a b', 'a\0', 'nano', '/nano', 'x'.repeat(301)])(
    '%j is none',
    (output_dir) => {
      expect(faults(startTraining, { ...TRAINING, output_dir })).toEqual(['output_dir']);
    },
  );
});

describe('what a training stands for', () => {
  const settingsOf = (request: object) => requestedTraining(startTraining.parse({ ...TRAINING, ...request }));

  it('is the library with the words of the contract', () => {
    expect(settingsOf({})).toEqual({
      ...DEFAULT_TRAINING,
      environment: 'key_door',
      environmentConfig: { size: 4, max_steps: 50 },
      learningRate: 1e-5,
      batchSize: 32,
      groupSize: 8,
      steps: 1000,
      // As many as tensor_parallel_size.
      shards: 2,
    });
  });

  it('is cut into as many shards as processes were asked for, and never into more than there are groups', () => {
    expect(settingsOf({ tensor_parallel_size: 4 }).shards).toBe(4);
    expect(settingsOf({ tensor_parallel_size: 64 }).shards).toBe(4);
    expect(settingsOf({ tensor_parallel_size: 1, shards: 3 }).shards).toBe(3);
    expect(faults(startTraining, { ...TRAINING, shards: 5 })).toEqual(['shards']);
  });

  it('takes every further setting of the library', () => {
    const settings = settingsOf({
      history_strategy: 'SCRATCHPAD',
      temperature: 0.5,
      beta: 0.1,
      weight_decay: 0.01,
      lora_rank: 4,
      env_config: { size: 6 },
      env_size: 5,
    });
    expect(settings).toMatchObject({
      history: 'SCRATCHPAD',
      temperature: 0.5,
      loss: { beta: 0.1 },
      adamw: { weightDecay: 0.01 },
      lora: { rank: 4, alpha: 8 },
      environmentConfig: { size: 6, max_steps: 50 },
    });
    expect(settings).not.toHaveProperty('password');
  });

  it.each([
    [2, 2],
    [8, 8],
    [9, 3],
    [12, 6],
    [13, 13],
    [14, 7],
    [64, 8],
  ])('cuts a batch of %i into groups of %i', (batch_size, groupSize) => {
    expect(settingsOf({ batch_size })).toMatchObject({ batchSize: batch_size, groupSize });
  });

  it('leaves the size to games that have one', () => {
    expect(settingsOf({ env_type: 'tic_tac_toe' }).environmentConfig).not.toHaveProperty('size');
  });
});

describe('the game of an evaluation', () => {
  it('ends after max_steps, unless env_config says otherwise', () => {
    const { env_type } = PLAYING;
    expect(playedGame({ env_type, env_config: {}, max_steps: 9 })).toEqual({ max_steps: 9 });
    expect(playedGame({ env_type, env_config: { max_steps: 3, size: 5 }, max_steps: 9 })).toEqual({
      max_steps: 3,
      size: 5,
    });
  });
});
