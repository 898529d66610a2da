// What the service can be asked for. Fields and defaults are the contract that existing clients speak.

import {
  type EnvironmentDefinition,
  EnvironmentError,
  environmentIds,
  findEnvironment,
  resolveConfig,
} from '@ludic/environments';
import { ADAMW_FIELDS, LORA_FIELDS, LOSS_FIELDS, RUN_FIELDS, type TrainSettings, trainSettings } from '@ludic/grpo';
import { HISTORY_STRATEGIES } from '@ludic/history';
import { EXPORT_DTYPES } from '@ludic/models';
import { z } from 'zod';
import { modelName } from './model-name.ts';

const optional = <Shape extends Readonly<Record<string, z.ZodType>>>(shape: Shape) => z.object(shape).partial().shape;

/** Games that are registered when this module is loaded. */
const envType = z.enum(environmentIds() as [string, ...string[]]).describe('the game');
const password = z.string().max(1000).optional().describe('needed here unless an Authorization header holds it');
const seed = z.int().min(0).default(0).describe('decides everything that is random');
const maxSteps = z.int().min(1).max(10_000).default(50).describe('replies of a game before the cut-off');
const envConfig = z
  .record(z.string(), z.union([z.number(), z.string(), z.boolean()]))
  .default({})
  .describe('settings of the game, as GET /environments lists them');

/** @param temperature of the contract, which differs from request to request */
const samplingParams = (temperature: number) =>
  z
    .strictObject({
      temperature: z.number().min(0).max(100).default(temperature).describe('0 takes the most likely token'),
      max_tokens: z.int().min(1).max(32_768).default(100).describe('most tokens of a reply'),
      top_k: z.int().min(0).default(0).describe('sample among the k most likely tokens; 0: all'),
      top_p: z
        .number()
        .gt(0)
        .max(1)
        .default(1)
        .describe('sample among the most likely tokens that reach this probability'),
    })
    .prefault({})
    .describe('how the policy draws its tokens');
export type SamplingParams = z.infer<ReturnType<typeof samplingParams>>;

const modelPath = z
  .string()
  .min(1)
  .max(300)
  .describe(
    'nano, a model of the server (as output_dir named it, or as GET /models lists it), or org/name of the Hugging Face Hub',
  );

/** Puts what the game has against its settings where the request's other faults are. */
function checkGame(game: { env_type: string; env_config: Record<string, unknown> }, context: z.RefinementCtx): void {
  if (context.issues.length > 0) return;
  try {
    resolveConfig(findEnvironment(game.env_type), game.env_config);
  } catch (error) {
    if (!(error instanceof EnvironmentError)) throw error;
    context.addIssue({ code: 'custom', path: ['env_config'], message: error.message });
  }
}

const strategy = z.enum(HISTORY_STRATEGIES).default('NO_HISTORY').describe('what the policy sees');

const { history, steps: _, batch_size, learning_rate, ...furtherRun } = RUN_FIELDS;

export const startTraining = z
  .strictObject({
    password,
    model_name: modelPath.describe(
      'the model to start from: nano, a model of the server, or org/name of the Hugging Face Hub',
    ),
    env_type: envType,
    output_dir: z
      .string()
      .min(1)
      .max(300)
      .refine((path) => modelName(path) !== undefined && modelName(path) !== 'nano', {
        message: 'A name of letters, digits, dots, dashes and underscores is needed, other than nano.',
      })
      .describe('name of the new model; a path such as /tmp/model is taken as the name tmp-model'),
    learning_rate: learning_rate.default(1e-5),
    batch_size: batch_size.default(32).describe('episodes of an update'),
    max_steps: RUN_FIELDS.steps.default(1000).describe('updates'),
    env_size: z.int().min(2).max(20).default(4).describe('rows and columns of the grid, for games with a size'),
    rollout_max_steps: maxSteps,
    tensor_parallel_size: z
      .int()
      .min(1)
      .max(64)
      .default(2)
      .describe(
        'processes that share an update, and shards where none are given; more than the machine can run is lowered',
      ),
    env_config: envConfig,
    history_strategy: history.default('NO_HISTORY'),
    ...optional(furtherRun),
    ...optional(LOSS_FIELDS),
    ...optional(ADAMW_FIELDS),
    ...optional(LORA_FIELDS),
    onnx: z
      .array(z.enum(EXPORT_DTYPES))
      .max(EXPORT_DTYPES.length)
      .optional()
      .describe('graphs that transformers.js loads, in every checkpoint and in the final model'),
    wandb_project: z
      .string()
      .regex(/^[\w.-]{1,128}$/, 'Up to 128 letters, digits, dots, dashes and underscores are needed.')
      .optional()
      .describe('also stream the curve to this project of Weights & Biases; the server needs WANDB_API_KEY'),
    tensorboard: z.boolean().default(false).describe('also write event files for TensorBoard into the run'),
  })
  .superRefine((request, context) => {
    // What single fields have wrong is told first: it is the cause of what would be told here.
    if (context.issues.length > 0) return;
    checkGame({ env_type: request.env_type, env_config: trainingGame(request) }, context);
    if (request.group_size !== undefined && request.batch_size % request.group_size !== 0) {
      context.addIssue({ code: 'custom', path: ['batch_size'], message: 'A multiple of group_size is needed.' });
    }
    const groups = request.batch_size / (request.group_size ?? groupSizeFor(request.batch_size) ?? 1);
    if (request.shards !== undefined && request.shards > groups)
      context.addIssue({
        code: 'custom',
        path: ['shards'],
        message: 'At most one for each group of the batch is needed.',
      });
    if (request.group_size === undefined && groupSizeFor(request.batch_size) === undefined) {
      const message = 'A number with a divisor of at least 2 is needed, so that there are groups to compare.';
      context.addIssue({ code: 'custom', path: ['batch_size'], message });
    }
    for (const name of ['lora_alpha', 'lora_targets'] as const) {
      if (request[name] !== undefined && request.lora_rank === undefined)
        context.addIssue({ code: 'custom', path: [name], message: 'lora_rank is needed with it.' });
    }
    if (request.delta !== undefined && request.delta <= 1 + (request.epsilon ?? 0.2))
      context.addIssue({ code: 'custom', path: ['delta'], message: 'It must be above 1 + epsilon.' });
  })
  .meta({ id: 'StartTraining' });
export type StartTraining = z.infer<typeof startTraining>;

/** Games in one answer: the server has them all in memory. */
const MOST_TRAJECTORIES = 1000;

export const evaluatePolicy = z
  .strictObject({
    password,
    model_path: modelPath,
    env_type: envType,
    env_config: envConfig,
    eval_episodes: z.int().min(1).max(100_000).default(10).describe('games'),
    history_strategy: strategy,
    sampling_params: samplingParams(0.1),
    seed,
    max_steps: maxSteps,
    include_trajectories: z
      .boolean()
      .default(true)
      .describe('false leaves the games themselves out of the answer; a job keeps them for GET /jobs/{id}/episodes'),
    async: z.boolean().default(false).describe('answer at once with a job'),
  })
  .superRefine((request, context) => {
    checkGame({ ...request, env_config: playedGame(request) }, context);
    if (request.include_trajectories && !request.async && request.eval_episodes > MOST_TRAJECTORIES) {
      const message = `At most ${MOST_TRAJECTORIES} with the games in the answer: set include_trajectories to false, or async to true.`;
      context.addIssue({ code: 'custom', path: ['eval_episodes'], message });
    }
  })
  .meta({ id: 'EvaluatePolicy' });
export type EvaluatePolicy = z.infer<typeof evaluatePolicy>;

export const generateRollout = z
  .strictObject({
    password,
    model_path: modelPath,
    env_type: envType,
    env_config: envConfig,
    max_steps: maxSteps,
    sampling_params: samplingParams(0.7),
    history_strategy: strategy,
    seed,
  })
  .superRefine((request, context) => checkGame({ ...request, env_config: playedGame(request) }, context))
  .meta({ id: 'GenerateRollout' });
export type GenerateRollout = z.infer<typeof generateRollout>;

interface PlayedGame {
  readonly env_type: string;
  readonly env_config: Readonly<Record<string, unknown>>;
  readonly max_steps: number;
}

/** The game's settings of an evaluation or a rollout: `max_steps` unless `env_config` itself says otherwise. */
export function playedGame({ env_type, env_config, max_steps }: PlayedGame): Record<string, unknown> {
  return { ...(has(env_type, 'max_steps') && { max_steps }), ...env_config };
}

interface TrainingGame extends Omit<PlayedGame, 'max_steps'> {
  readonly env_size: number;
  readonly rollout_max_steps: number;
}

function trainingGame({ env_type, env_config, env_size, rollout_max_steps }: TrainingGame): Record<string, unknown> {
  return {
    ...(has(env_type, 'size') && { size: env_size }),
    ...(has(env_type, 'max_steps') && { max_steps: rollout_max_steps }),
    ...env_config,
  };
}

function has(envType: string, setting: string): boolean {
  const { configSchema }: EnvironmentDefinition = findEnvironment(envType);
  return Object.hasOwn(configSchema.properties, setting);
}

const GROUP_SIZE = 8;

/** The largest group of at most 8 that divides a batch. */
function groupSizeFor(batchSize: number): number | undefined {
  for (let size = Math.min(GROUP_SIZE, batchSize); size >= 2; size--) if (batchSize % size === 0) return size;
  // A prime batch above 8 is one group.
  return batchSize >= 2 ? batchSize : undefined;
}

/** The library's settings that a request stands for. */
export function requestedTraining(request: StartTraining): TrainSettings {
  const { history_strategy, max_steps, batch_size, group_size = groupSizeFor(batch_size)!, ...fields } = request;
  // As many shards as were asked for and not as many as this machine runs: so the weights are the same on every machine.
  const { shards = Math.min(request.tensor_parallel_size, batch_size / group_size) } = request;
  return trainSettings(
    { environment: request.env_type, environmentConfig: trainingGame(request) },
    { ...fields, batch_size, group_size, shards, history: history_strategy, steps: max_steps },
  );
}
