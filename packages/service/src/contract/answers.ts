// Answers of the service. Each schema with an `id` is a component of the OpenAPI document.

import { z } from 'zod';
import { evaluationResults } from './metric-schemas.ts';

const message = z.object({ role: z.enum(['system', 'user', 'assistant']), content: z.string() });

const played = z
  .record(z.string(), z.unknown())
  .optional()
  .describe('Settings that the game was played with; defaults of the game may be left out');
const difference = z
  .string()
  .optional()
  .describe('How the game differs from the one that the model was trained in, if it does');

const rolloutStep = z.object({
  prompt: z.array(message).describe('Messages that the policy saw'),
  observation: z.string().describe('Observation before the reply'),
  assistant: z.string().describe('Reply of the policy'),
  cut_off: z.boolean().describe('Whether the reply ended at max_tokens'),
  reward: z.number(),
  info_from_env: z.object({
    invalid: z.boolean().describe('Whether the reply had no readable action or one that the rules forbid'),
    outcome: z.enum(['win', 'draw', 'loss']).optional(),
    metrics: z.record(z.string(), z.number()).optional().describe('What the game measures itself'),
  }),
});

/** One game with every prompt and reply. With its seeds and replies it can be played again. */
export const trajectory = z
  .object({
    group: z.int().describe('Number of the group of games that share a start; 0 for a single game'),
    seed: z
      .int()
      .describe('Seed of the opening; with dynamics_seed, env_config and the replies the game can be replayed'),
    dynamics_seed: z.int().describe('Seed of what is random after the opening'),
    split: z
      .enum(['training', 'evaluation'])
      .optional()
      .describe('Which items of a game with data were played; training where it is absent'),
    end_reason: z
      .enum(['terminated', 'truncated', 'context_full', 'failed'])
      .describe(
        'Why the game ended; context_full: the conversation outgrew the context of the model, and the rewards so far count',
      ),
    final_observation: z.string().describe('Last observation; empty if the game failed'),
    outcome: z.enum(['win', 'draw', 'loss']).optional(),
    success: z.boolean().optional().describe('Whether it is a success, of games that say so themselves'),
    error: z.string().optional().describe('Why the game failed, or what did not fit into the context'),
    steps: z.array(rolloutStep),
  })
  .meta({ id: 'Trajectory' });
/** One game inside a `PolicyEvaluation` or a `Rollout`. The rewards of `steps` add up to the reward of the game. */
export type Trajectory = z.infer<typeof trajectory>;

/** Answer to POST /start-training: the job and the settings that it will run with. */
export const trainingStarted = z
  .object({
    job_id: z.string(),
    status: z.literal('started'),
    message: z.string(),
    effective: z.record(z.string(), z.unknown()).describe('Settings of the training after defaults and recipe'),
    chosen: z
      .array(z.object({ field: z.string(), value: z.unknown(), reason: z.string() }))
      .optional()
      .describe('Settings that the recipe auto chose, with reasons'),
  })
  .meta({ id: 'TrainingStarted' });
/** Answer to POST /start-training, status 202. `effective` holds every setting by its name in the request. */
export type TrainingStarted = z.infer<typeof trainingStarted>;

/** Answer to POST /evaluate-policy: rates over all games, and the games where they were asked for. */
export const policyEvaluation = z
  .object({
    model_path: z.string(),
    env_type: z.string(),
    env_config: played,
    eval_episodes: z.int(),
    history_strategy: z.string(),
    seed: z.int().optional().describe('Seed; the same request with this seed plays the same games'),
    temperature: z.number().optional().describe('Sampling temperature'),
    message: difference,
    results: evaluationResults,
    trajectories: z.array(z.object({ episode: z.int(), reward: z.number(), steps: z.int(), trajectory })).optional(),
  })
  .meta({ id: 'PolicyEvaluation' });
/**
 * Answer to POST /evaluate-policy, status 200. Rates of `results` are between 0 and 1. `trajectories` is there where
 * the request had `include_trajectories`; a job has its games under GET /jobs/{id}/episodes instead.
 */
export type PolicyEvaluation = z.infer<typeof policyEvaluation>;

/** Answer to POST /generate-rollout: one game and its rewards. */
export const rollout = z
  .object({
    model_path: z.string(),
    env_type: z.string(),
    env_config: played,
    max_steps: z.int(),
    seed: z.int().optional().describe('Seed; the same request with this seed plays the same game'),
    history_strategy: z.string().optional(),
    temperature: z.number().optional().describe('Sampling temperature'),
    message: difference,
    trajectory,
    summary: z.object({ total_reward: z.number(), steps_taken: z.int(), final_reward: z.number() }),
  })
  .meta({ id: 'Rollout' });
/** Answer to POST /generate-rollout: one game with every prompt and reply, and the sum of its rewards. */
export type Rollout = z.infer<typeof rollout>;

/** Answer to GET /health-check. `uptime_s` is in seconds. */
export const health = z
  .object({
    status: z.literal('healthy'),
    service: z.string(),
    version: z.string(),
    gpu_available: z.boolean().describe('Whether models can run on a GPU'),
    device: z.string().describe('Device that models run on'),
    uptime_s: z.number(),
    jobs: z.object({ queued: z.int(), running: z.int() }),
  })
  .meta({ id: 'Health' });
/** Answer to GET /health-check, which needs no password. `uptime_s` is in seconds. */
export type Health = z.infer<typeof health>;

/** Answer to a request that became a job. */
export const jobStarted = z.object({ job_id: z.string(), status: z.literal('started'), message: z.string() });
/** Answer to POST /evaluate-policy with `async: true`, status 202: GET /jobs/{id} tells of the job by its `job_id`. */
export type JobStarted = z.infer<typeof jobStarted>;

/** A model of the server: nano (`embedded`), a run of a training, or a plain folder. Sizes are in bytes. */
export const model = z
  .object({
    name: z.string(),
    kind: z.enum(['embedded', 'run', 'folder']),
    status: z.enum(['ready', 'training', 'empty']).describe('empty: no checkpoint that could answer yet'),
    env_type: z.string().nullable().describe('Environment that the model was trained in'),
    size_bytes: z.int(),
    modified_at: z.iso.datetime(),
    files: z
      .array(z.object({ path: z.string(), size_bytes: z.int() }))
      .describe('Files of the model as it would be loaded'),
  })
  .meta({ id: 'Model' });
/** An entry of GET /models, and the answer to GET /models/{name}. Sizes are in bytes, times ISO 8601 in UTC. */
export type Model = z.infer<typeof model>;
export const modelList = z.object({ models: z.array(model) });

/** A game that models can be trained in and evaluated in. */
export const environment = z
  .object({
    env_type: z.string(),
    title: z.string(),
    description: z.string(),
    config_schema: z.record(z.string(), z.unknown()).describe('JSON Schema of env_config'),
  })
  .meta({ id: 'Environment' });
export const environmentList = z.object({ environments: z.array(environment) });
/** Answer to GET /environments: the games of the server, each with the JSON Schema of its `env_config`. */
export type EnvironmentList = z.infer<typeof environmentList>;
