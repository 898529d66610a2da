// What the service can be asked for. Fields and defaults are the contract that existing clients speak.

import {
  type EnvironmentDefinition,
  EnvironmentError,
  environmentIds,
  findEnvironment,
  resolveConfig,
} from '@ludic/environments';
import {
  ADAMW_FIELDS,
  DEFAULT_LOSS,
  LORA_FIELDS,
  LOSS_FIELDS,
  NANO_TRAITS,
  RUN_FIELDS,
  WARM_START_FIELDS,
} from '@ludic/grpo';
import { HISTORY_STRATEGIES } from '@ludic/history';
import { EXPORT_DTYPES } from '@ludic/models';
import { z } from 'zod';
import { modelName } from './model-name.ts';
import { PLAYING_DEFAULTS, playedGame } from './playing.ts';
import {
  CONTRACT_DEFAULTS,
  completeTraining,
  FIXED_DEFAULTS,
  GROUP_SIZE,
  namedGame,
  RECIPE_NAMES,
  wrongRecipe,
} from './training.ts';

/** Games that are registered when this module is loaded. */
const envType = z.enum(environmentIds() as [string, ...string[]]).describe('the game');
const password = z.string().max(1000).optional().describe('needed here unless an Authorization header holds it');
const seed = z.int().min(0).default(0).describe('decides everything that is random');
const drawnSeed = z
  .int()
  .min(0)
  .optional()
  .describe('decides everything that is random; default: another each time, which the answer tells');
const envConfig = z
  .record(z.string(), z.union([z.number(), z.string(), z.boolean()]))
  .default({})
  .describe('settings of the game, as GET /environments lists them');

const temperature = z.number().min(0).max(100).describe('0 takes the most likely token');
const draw = {
  max_tokens: z.int().min(1).max(32_768).default(100).describe('most tokens of a reply'),
  top_k: z.int().min(0).default(0).describe('sample among the k most likely tokens; 0: all'),
  top_p: z.number().gt(0).max(1).default(1).describe('sample among the most likely tokens that reach this probability'),
};
const HOW_DRAWN = 'how the policy draws its tokens';

const modelPath = z
  .string()
  .min(1)
  .max(300)
  .describe(
    'nano, a model of the server (as output_dir named it, or as GET /models lists it), or a model of the Hugging Face Hub: org/name, or one word such as gpt2',
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

const { history, steps: _, batch_size, learning_rate, ...furtherRun } = RUN_FIELDS;

/** What holds where a field is left out and no single value does. */
const CHOSEN: Readonly<Record<string, string>> = {
  group_size: `chosen where it is left out: the largest divisor of batch_size up to ${GROUP_SIZE}`,
  shards: 'chosen where it is left out: tensor_parallel_size, at most one for each group',
  eval_every: 'chosen where it is left out, so that evaluations play at most a tenth of the games of the training',
  eval_episodes: 'chosen where it is left out: up to 500, at most a tenth of the games of the training',
  delta: 'default: none',
  lora_rank: 'default: none, the whole model is trained',
  warm_start: 'default: none',
};

/** Fields that may be left out, with what holds then for the document; a recipe may say otherwise. */
const optional = <Shape extends Readonly<Record<string, z.ZodType>>>(shape: Shape) =>
  Object.fromEntries(
    Object.entries(shape).map(([name, schema]) => [name, withFallback(toldChoice(name, schema), FIXED_DEFAULTS[name])]),
  ) as unknown as { readonly [Name in keyof Shape]: z.ZodOptional<Shape[Name]> };

const toldChoice = (name: string, schema: z.ZodType) =>
  CHOSEN[name] === undefined ? schema : schema.describe(`${schema.description}; ${CHOSEN[name]}`);

/** Not filled in by the schema: so a recipe can tell what was sent from what was not. */
const withFallback = <Schema extends z.ZodType>(schema: Schema, fallback: unknown) =>
  fallback === undefined ? schema.optional() : schema.optional().meta({ default: fallback });

export const startTraining = z
  .strictObject({
    password,
    model_name: modelPath.describe(
      'the model to start from: nano, a model of the server, or a model of the Hugging Face Hub: org/name, or one word such as gpt2',
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
    recipe: z
      .enum(RECIPE_NAMES)
      .optional()
      .describe(
        'settings that train well, for all that the request does not name: auto chooses them for the game and the model; default: none, and the other defaults here hold',
      ),
    learning_rate: withFallback(learning_rate, CONTRACT_DEFAULTS.learning_rate),
    batch_size: withFallback(batch_size.describe('episodes of an update'), CONTRACT_DEFAULTS.batch_size),
    max_steps: withFallback(RUN_FIELDS.steps.describe('updates'), CONTRACT_DEFAULTS.max_steps),
    env_size: withFallback(
      z.int().min(2).max(20).describe('rows and columns of the grid, for games with a size'),
      CONTRACT_DEFAULTS.env_size,
    ),
    rollout_max_steps: withFallback(
      z
        .int()
        .min(1)
        .max(10_000)
        .describe("replies of a game before the cut-off; where it is left out, never more than the game's own default"),
      CONTRACT_DEFAULTS.rollout_max_steps,
    ),
    tensor_parallel_size: z
      .int()
      .min(1)
      .max(64)
      .default(2)
      .describe(
        'processes that share an update, and shards where none are given; more than the machine can run is lowered',
      ),
    env_config: envConfig,
    history_strategy: withFallback(history, CONTRACT_DEFAULTS.history_strategy),
    ...optional(furtherRun),
    ...optional(LOSS_FIELDS),
    ...optional(ADAMW_FIELDS),
    ...optional(LORA_FIELDS),
    ...optional(WARM_START_FIELDS),
    onnx: z
      .array(z.enum(EXPORT_DTYPES))
      .max(EXPORT_DTYPES.length)
      .optional()
      .describe('graphs that transformers.js loads, in every checkpoint and in the final model; default: none'),
    wandb_project: z
      .string()
      .regex(/^[\w.-]{1,128}$/, 'Up to 128 letters, digits, dots, dashes and underscores are needed.')
      .optional()
      .describe(
        'also stream the curve to this project of Weights & Biases; the server needs WANDB_API_KEY; default: none',
      ),
    tensorboard: z.boolean().default(false).describe('also write event files for TensorBoard into the run'),
  })
  .superRefine((request, context) => {
    // What single fields have wrong is told first: it is the cause of what would be told here.
    if (context.issues.length > 0) return;
    const wrong = wrongRecipe(request);
    if (wrong !== undefined) context.addIssue({ code: 'custom', path: ['recipe'], message: wrong });
    checkGame({ env_type: request.env_type, env_config: namedGame(request) }, context);
    for (const name of ['lora_alpha', 'lora_targets'] as const) {
      if (request[name] !== undefined && request.lora_rank === undefined)
        context.addIssue({ code: 'custom', path: [name], message: 'lora_rank is needed with it.' });
    }
    if (request.delta !== undefined && request.delta <= 1 + (request.epsilon ?? DEFAULT_LOSS.epsilon))
      context.addIssue({ code: 'custom', path: ['delta'], message: 'It must be above 1 + epsilon.' });
    if (context.issues.length > 0) return;
    // Which model it is decides nothing of what is checked here.
    const { batchSize, groupSize, shards } = completeTraining(request, NANO_TRAITS).settings;
    if (batchSize % groupSize !== 0) {
      const field = request.batch_size === undefined ? 'group_size' : 'batch_size';
      const message =
        field === 'batch_size' ? 'A multiple of group_size is needed.' : 'A divisor of batch_size is needed.';
      context.addIssue({ code: 'custom', path: [field], message });
    } else if (shards > batchSize / groupSize)
      context.addIssue({
        code: 'custom',
        path: ['shards'],
        message: 'At most one for each group of the batch is needed.',
      });
    const { warm_start } = request;
    const { experts }: EnvironmentDefinition = findEnvironment(request.env_type);
    if (typeof warm_start === 'object' && !Object.keys(experts).includes(warm_start.player ?? 'random')) {
      const message = `One of ${Object.keys(experts).join(', ')} is needed.`;
      context.addIssue({ code: 'custom', path: ['warm_start', 'player'], message });
    }
  })
  .meta({ id: 'StartTraining' });
export type StartTraining = z.infer<typeof startTraining>;

const OR_CARRIED = "default: as in the model's training, where it carries its game";
/** In words alone: a client that sends what a schema calls its default would undo what the model carries. */
const otherwise = (fallback: unknown) => `${OR_CARRIED}, otherwise ${fallback}`;
const maxSteps = z
  .int()
  .min(1)
  .max(10_000)
  .describe(`replies of a game before the cut-off; ${otherwise(PLAYING_DEFAULTS.max_steps)}`)
  .optional();
const strategy = z
  .enum(HISTORY_STRATEGIES)
  .describe(`what the policy sees; ${otherwise(PLAYING_DEFAULTS.history_strategy)}`)
  .optional();
const playedConfig = envConfig.describe(`settings of the game, as GET /environments lists them; ${OR_CARRIED}`);

/** Games in one answer: the server has them all in memory. */
const MOST_TRAJECTORIES = 1000;

export const evaluatePolicy = z
  .strictObject({
    password,
    model_path: modelPath,
    env_type: envType,
    env_config: playedConfig,
    eval_episodes: z.int().min(1).max(100_000).default(10).describe('games'),
    history_strategy: strategy,
    sampling_params: z
      .strictObject({ temperature: temperature.default(0.1), ...draw })
      .prefault({})
      .describe(HOW_DRAWN),
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
    env_config: playedConfig,
    max_steps: maxSteps,
    sampling_params: z
      .strictObject({
        temperature: temperature
          .describe(`0 takes the most likely token; ${otherwise(PLAYING_DEFAULTS.rollout_temperature)}`)
          .optional(),
        ...draw,
      })
      .prefault({})
      .describe(HOW_DRAWN),
    history_strategy: strategy,
    seed: drawnSeed,
  })
  .superRefine((request, context) => checkGame({ ...request, env_config: playedGame(request) }, context))
  .meta({ id: 'GenerateRollout' });
export type GenerateRollout = z.infer<typeof generateRollout>;
