import { DEFAULT_TRAINING, decideSettings, NANO_TRAITS } from '@ludic/grpo';
import { describe, expect, it } from 'vitest';
import type { z } from 'zod';
import { badRequest } from './errors.ts';
import { completePlaying, playedGame, playingDifference } from './playing.ts';
import { evaluatePolicy, generateRollout, startTraining } from './requests.ts';
import { CONTRACT_DEFAULTS, completeTraining, requestedTraining } from './training.ts';

const TRAINING = { model_name: 'nano', env_type: 'key_door', output_dir: 'first' };
const PLAYING = { model_path: 'nano', env_type: 'key_door' };

/** Fields that a schema has something against, as the service answers them. */
function faults(schema: z.ZodType, request: unknown): readonly string[] {
  const { error } = schema.safeParse(request);
  return error ? [...new Set(badRequest(error).details.map(({ field }) => field))] : [];
}

describe('a request that says only what is needed', () => {
  it('trains with the defaults of the contract', () => {
    const { request } = completeTraining(startTraining.parse(TRAINING), NANO_TRAITS);
    expect(request).toMatchObject({
      ...TRAINING,
      learning_rate: 1e-5,
      batch_size: 32,
      max_steps: 1000,
      tensor_parallel_size: 2,
      env_config: { size: 4, max_steps: 50 },
      history_strategy: 'NO_HISTORY',
      tensorboard: false,
    });
    expect(CONTRACT_DEFAULTS).toEqual({
      learning_rate: 1e-5,
      batch_size: 32,
      max_steps: 1000,
      env_size: 4,
      rollout_max_steps: 50,
      history_strategy: 'NO_HISTORY',
    });
  });

  it('evaluates with the defaults of the contract', () => {
    expect(completePlaying(evaluatePolicy.parse(PLAYING))).toEqual({
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
    expect(completePlaying(generateRollout.parse({ ...PLAYING, sampling_params: { max_tokens: 5 } }))).toEqual({
      ...PLAYING,
      env_config: {},
      max_steps: 50,
      sampling_params: { temperature: 0.7, max_tokens: 5, top_k: 0, top_p: 1 },
      history_strategy: 'NO_HISTORY',
    });
  });
});

describe('what a model carries of its game', () => {
  const carried = {
    environment: 'key_door',
    config: { size: 3, max_steps: 20, invalid_penalty: 0.1 },
    history: 'SCRATCHPAD',
    temperature: 1,
    maxCompletionLength: 48,
    stop: ['</action>'],
  } as const;
  const rollout = (request: object) => completePlaying(generateRollout.parse({ ...PLAYING, ...request }), carried);

  it('is played where nothing is named, and nothing is said', () => {
    const request = rollout({});
    expect(request).toMatchObject({
      history_strategy: 'SCRATCHPAD',
      max_steps: 20,
      sampling_params: { temperature: 1 },
    });
    expect(playedGame(request)).toEqual(carried.config);
    expect(playingDifference(request, carried)).toBeUndefined();
  });

  it('gives way to what is named, which is said', () => {
    const named = { env_config: { size: 4 }, max_steps: 9, sampling_params: { temperature: 0 } };
    const request = rollout({ ...named, history_strategy: 'NO_HISTORY' });
    expect(request).toMatchObject({
      history_strategy: 'NO_HISTORY',
      max_steps: 9,
      sampling_params: { temperature: 0 },
    });
    expect(playedGame(request)).toEqual({ size: 4, max_steps: 9, invalid_penalty: 0.1 });
    expect(playingDifference(request, carried)).toBe(
      'The model was trained with size 3, max_steps 20, history SCRATCHPAD; this is size 4, max_steps 9, history NO_HISTORY.',
    );
  });

  it('leaves the contract its temperature of an evaluation', () => {
    expect(completePlaying(evaluatePolicy.parse(PLAYING), carried).sampling_params.temperature).toBe(0.1);
  });

  it('says nothing of another game, or of settings that there are no longer', () => {
    const other = completePlaying(generateRollout.parse({ ...PLAYING, env_type: 'tic_tac_toe' }), carried);
    expect(other).toMatchObject({
      env_config: {},
      history_strategy: 'NO_HISTORY',
      sampling_params: { temperature: 0.7 },
    });
    expect(playingDifference(other, carried)).toBe('The model was trained in key_door; this is tic_tac_toe.');
    const earlier = { ...carried, config: { colour: 'red' } };
    expect(completePlaying(generateRollout.parse(PLAYING), earlier)).toMatchObject({ env_config: {}, max_steps: 50 });
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
  const complete = (request: object, model = NANO_TRAITS) =>
    completeTraining(startTraining.parse({ ...TRAINING, ...request }), model);
  const settingsOf = (request: object) => complete(request).settings;

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
      // A tenth of what is trained on.
      evalEvery: 63,
      evalEpisodes: 200,
      evalTemperature: 0,
    });
  });

  it('is the same when its complete request is read again, by whatever it was completed', () => {
    for (const request of [
      {},
      { recipe: 'auto' },
      { recipe: 'auto', lora_rank: 4, env_size: 3, rollout_max_steps: 20 },
      { recipe: 'key-door-soft' },
      { recipe: 'auto', env_type: 'tic_tac_toe', batch_size: 48, tensor_parallel_size: 3 },
      { recipe: 'tic-tac-toe-minimax', env_type: 'tic_tac_toe', max_steps: 7 },
    ]) {
      const { request: whole, settings } = complete(request);
      expect(requestedTraining(startTraining.parse(JSON.parse(JSON.stringify(whole))))).toEqual(settings);
      expect(requestedTraining(whole)).toEqual(settings);
    }
  });

  it('cuts a game off where the game does, unless it says otherwise', () => {
    const limit = (request: object) => settingsOf({ env_type: 'tic_tac_toe', ...request }).environmentConfig.max_steps;
    expect(limit({})).toBe(10);
    expect(limit({ rollout_max_steps: 50 })).toBe(50);
    expect(limit({ env_config: { max_steps: 7 } })).toBe(7);
    expect(settingsOf({}).environmentConfig.max_steps).toBe(50);
  });

  it('with the recipe auto is what the library decides, but for what was sent', () => {
    const sent = { recipe: 'auto', env_type: 'tic_tac_toe', max_steps: 100, learning_rate: 0.001 };
    const { settings, choices } = complete(sent);
    const decided = decideSettings({
      environment: 'tic_tac_toe',
      given: { steps: 100, learning_rate: 0.001 },
      model: NANO_TRAITS,
    });
    expect(settings).toEqual({ ...decided.settings, shards: 2 });
    expect(settings).toMatchObject({ steps: 100, learningRate: 0.001, maxCompletionLength: 4 });
    expect(settings.environmentConfig).toEqual({ invalid_penalty: 0.3 });
    expect(choices.map(({ field }) => field)).not.toContain('learning_rate');
    // The value of a default may be sent, and is then kept.
    expect(complete({ ...sent, learning_rate: 1e-5, batch_size: 32 }).settings).toMatchObject({
      learningRate: 1e-5,
      batchSize: 32,
    });
  });

  it('with a named recipe is that recipe, but for what was sent', () => {
    const soft = settingsOf({ recipe: 'key-door-soft', max_steps: 50, env_config: { size: 3 } });
    expect(soft).toMatchObject({ batchSize: 4096, advantageEstimator: 'group_turn', finalRate: 0.55, steps: 50 });
    expect(soft.environmentConfig).toEqual({ size: 3 });
    expect(settingsOf({ recipe: 'key-door-soft', batch_size: 100 })).toMatchObject({ batchSize: 100, groupSize: 10 });
    expect(faults(startTraining, { ...TRAINING, recipe: 'tic-tac-toe-random' })).toEqual(['recipe']);
    for (const recipe of ['../key-door-soft', 'recipes/key-door-soft.json', '', 'none'])
      expect(faults(startTraining, { ...TRAINING, recipe })).toEqual(['recipe']);
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
