// Which evaluations of a server may be compared, and the form of another like them.

import { evaluatePolicy, type Job, startTraining } from '@ludic/service';
import { describe, expect, it } from 'vitest';
import { requestOf } from '../forms/form-fields.ts';
import { evaluationOf, requestForm } from '../forms/request-forms.ts';
import { comparable } from './comparison.tsx';

const REQUEST = { model_path: 'nano', env_type: 'tic_tac_toe', eval_episodes: 20, seed: 1 };

const jobOf = (id: string, more: object = {}, state: Partial<Job> = {}): Job => {
  const { async: _, ...request } = evaluatePolicy.parse({ ...REQUEST, ...more });
  return {
    job_id: id,
    kind: 'evaluate',
    status: 'completed',
    owner: 'ada',
    model_name: request.model_path,
    output_dir: null,
    env_type: request.env_type,
    created_at: '',
    started_at: null,
    ended_at: null,
    heartbeat_at: null,
    attempts: 1,
    step: 20,
    total_steps: 20,
    seconds_left: null,
    latest: null,
    reason: null,
    request,
    result: null,
    ...state,
  };
};

describe('evaluations that may be compared', () => {
  it('played the same games to their end, kept them, and differ in who played or how', () => {
    const own = jobOf('own');
    const jobs = [
      own,
      jobOf('other model', { model_path: 'trained' }),
      jobOf('other history', { history_strategy: 'SCRATCHPAD' }),
      jobOf('other temperature', { sampling_params: { temperature: 1 } }),
      jobOf('other choice of tokens', { sampling_params: { top_k: 2 } }),
      jobOf('the same games, said in full', { model_path: 'said', env_config: { opponent: 'random' } }),
      jobOf('older one of a model', { model_path: 'trained' }),
      jobOf('the same again'),
      jobOf('other seed', { model_path: 'a', seed: 2 }),
      jobOf('fewer games', { model_path: 'b', eval_episodes: 19 }),
      jobOf('other opponent', { model_path: 'c', env_config: { opponent: 'minimax' } }),
      jobOf('longer games', { model_path: 'd', max_steps: 60 }),
      jobOf('other game', { model_path: 'e', env_type: 'key_door' }),
      jobOf('without its games', { model_path: 'f', include_trajectories: false }),
      jobOf('not over', { model_path: 'g' }, { status: 'running' }),
      jobOf('of another server', {}, { request: { env_type: 'chess' } }),
    ];
    expect(comparable(own, jobs).map(({ job_id }) => job_id)).toEqual([
      'other model',
      'other history',
      'other temperature',
      'other choice of tokens',
      'the same games, said in full',
    ]);
    expect(comparable(jobs.find(({ job_id }) => job_id === 'without its games')!, jobs)).toEqual([]);
    expect(comparable(jobs.at(-1)!, jobs)).toEqual([]);
  });
});

describe('another evaluation', () => {
  const { first, further } = requestForm('evaluate');
  const asked = (job: Job) => {
    const { filled, gameFilled } = evaluationOf(job)!;
    const request = { ...requestOf([...first, ...further], filled), env_config: gameFilled };
    // What is filled in of a game is text; the form knows its numbers by the game's schema.
    const { size, ...config } = gameFilled;
    return evaluatePolicy.parse({
      ...request,
      env_config: { ...config, ...(size !== undefined && { size: Number(size) }) },
    });
  };

  it('like one asks for what that asked for', () => {
    const more = {
      history_strategy: 'SCRATCHPAD',
      sampling_params: { temperature: 0, top_p: 0.5 },
      max_steps: 9,
      include_trajectories: false,
      env_config: { opponent: 'minimax' },
    };
    expect(asked(jobOf('own', more))).toEqual(evaluatePolicy.parse({ ...REQUEST, ...more }));
    const inConfig = jobOf('own', { env_config: { max_steps: 4 } });
    expect(asked(inConfig)).toMatchObject({ max_steps: 4 });
  });

  it('of what was trained is in its game', () => {
    const request = startTraining.parse({
      model_name: 'nano',
      env_type: 'key_door',
      output_dir: 'walker',
      env_size: 3,
      rollout_max_steps: 12,
      history_strategy: 'OPTIMAL_SCRATCHPAD',
      max_completion_length: 8,
    });
    const job = jobOf('training', {}, { kind: 'train', output_dir: 'walker', request });
    expect(asked(job)).toMatchObject({
      model_path: 'walker',
      env_type: 'key_door',
      max_steps: 12,
      env_config: { size: 3 },
      history_strategy: 'OPTIMAL_SCRATCHPAD',
      sampling_params: { max_tokens: 8, temperature: 0 },
    });
    expect(evaluationOf({ ...job, request: {} })).toBeUndefined();
  });
});
