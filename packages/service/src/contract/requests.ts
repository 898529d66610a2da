// Requests to the service. Fields and defaults are the contract with existing clients.

import {
  type EnvironmentDefinition,
  EnvironmentError,
  environmentIds,
  environments,
  findEnvironment,
  resolveConfig,
} from '@ludic/environments';
import { DEFAULT_LOSS, NANO_TRAITS } from '@ludic/grpo';
import { ADAMW_FIELDS, LORA_FIELDS, LOSS_FIELDS, RUN_FIELDS, WARM_START_FIELDS } from '@ludic/grpo/internal';
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

/** Trained over HTTP, and played by nothing else. */
const AGENT = 'agent';

/**
 * The id of a game that is registered when a request is checked: a program may load games of its user first. The document
 * lists those that are registered when it is made.
 */
const envType = z
  .string()
  .superRefine((id, context) => {
    if (environments.has(id)) return;
    context.addIssue({ code: 'invalid_value', values: [...environmentIds()], input: id, continue: false });
  })
  .meta({
    description: 'Environment',
    get enum() {
      return environmentIds();
    },
  });
const playedType = envType.meta({
  description: 'Environment',
  get enum() {
    return environmentIds().filter((id) => id !== AGENT);
  },
});
const password = z.string().max(1000).optional().describe('Password, unless an Authorization header has it');
const seed = z.int().min(0).default(0).describe('Seed of everything that is random');
const drawnSeed = z
  .int()
  .min(0)
  .optional()
  .describe('Seed of everything that is random; default: a new one for each request, given in the answer');
const envConfig = z
  .record(z.string(), z.union([z.number(), z.string(), z.boolean()]))
  .default({})
  .describe('Settings of the game, as listed by GET /environments');

const temperature = z.number().min(0).max(100).describe('Sampling temperature, where 0 takes the most likely token');
const draw = {
  max_tokens: z.int().min(1).max(32_768).default(100).describe('Maximum number of tokens of a reply'),
  top_k: z.int().min(0).default(0).describe('Sample among the k most likely tokens; 0 keeps all'),
  top_p: z.number().gt(0).max(1).default(1).describe('Sample among the most likely tokens that reach this probability'),
};
const HOW_DRAWN = 'How the policy samples its tokens';

const modelPath = z
  .string()
  .min(1)
  .max(300)
  .describe(
    'Model: nano, a model of the server (its output_dir, or a name that GET /models lists), or a model of the Hugging Face Hub (org/name, or one word such as gpt2)',
  );

/** Adds the game's complaint about its settings to the other issues of the request. */
function checkGame(game: { env_type: string; env_config: Record<string, unknown> }, context: z.RefinementCtx): void {
  if (context.issues.length > 0) return;
  try {
    resolveConfig(findEnvironment(game.env_type), game.env_config);
  } catch (error) {
    if (!(error instanceof EnvironmentError)) throw error;
    context.addIssue({ code: 'custom', path: ['env_config'], message: error.message });
  }
}

const tasks = z.array(z.unknown()).min(1).max(100_000);

const { history, steps: _, batch_size, learning_rate, ...furtherRun } = RUN_FIELDS;

/** Defaults that are no single value, in words. */
const CHOSEN: Readonly<Record<string, string>> = {
  group_size: `chosen where it is left out: the largest divisor of batch_size up to ${GROUP_SIZE}`,
  shards: 'chosen where it is left out: tensor_parallel_size, at most one for each group',
  eval_every: 'chosen where it is left out, so that evaluations play at most a tenth of the games of the training',
  eval_episodes: 'chosen where it is left out: up to 500, at most a tenth of the games of the training',
  delta: 'default: none',
  lora_rank: 'default: none, the whole model is trained',
  warm_start: 'default: none',
};

/** Fields that may be left out, with their defaults for the OpenAPI document; a recipe may set others. */
function optional<Shape extends Readonly<Record<string, z.ZodType>>>(shape: Shape) {
  const { shape: fields } = z.object(shape).partial();
  for (const [name, field] of Object.entries<z.ZodType>(fields)) {
    const description = [shape[name]!.description, CHOSEN[name]].filter(Boolean).join('; ');
    const fallback = FIXED_DEFAULTS[name];
    z.globalRegistry.add(field, { description, ...(fallback !== undefined && { default: fallback }) });
  }
  return fields;
}

/** The schema does not fill the default in, so that a recipe can tell what was sent. */
const withFallback = <Schema extends z.ZodType>(schema: Schema, fallback: unknown) =>
  schema.optional().meta({ default: fallback });

/**
 * Body of POST /start-training. Parsing fills in no defaults of settings, so that a recipe can: `completeTraining` does.
 * Settings that contradict each other are errors of the field that has to change.
 */
export const startTraining = z
  .strictObject({
    password,
    model_name: modelPath.describe(
      'Model to start from: nano, a model of the server, or a model of the Hugging Face Hub (org/name, or one word such as gpt2)',
    ),
    env_type: envType,
    output_dir: z
      .string()
      .min(1)
      .max(300)
      .refine((path) => modelName(path) !== undefined && modelName(path) !== 'nano', {
        message: 'A name of letters, digits, dots, dashes and underscores is needed, other than nano.',
      })
      .describe('Name of the new model; a path such as /tmp/model becomes the name tmp-model'),
    recipe: z
      .enum(RECIPE_NAMES)
      .optional()
      .describe(
        'Settings that train well, for the fields that the request leaves out; auto chooses them for the game and the model; default: none, the defaults listed here hold',
      ),
    learning_rate: withFallback(learning_rate, CONTRACT_DEFAULTS.learning_rate),
    batch_size: withFallback(batch_size.describe('Episodes of a training step'), CONTRACT_DEFAULTS.batch_size),
    max_steps: withFallback(RUN_FIELDS.steps.describe('Training steps'), CONTRACT_DEFAULTS.max_steps),
    env_size: withFallback(
      z.int().min(2).max(20).describe('Rows and columns of the grid, for games with a size'),
      CONTRACT_DEFAULTS.env_size,
    ),
    rollout_max_steps: withFallback(
      z
        .int()
        .min(1)
        .max(10_000)
        .describe("Maximum number of replies of a game; where it is left out, at most the game's own default"),
      CONTRACT_DEFAULTS.rollout_max_steps,
    ),
    tensor_parallel_size: z
      .int()
      .min(1)
      .max(64)
      .default(2)
      .describe('Processes that share a training step, and the default of shards; lowered to what the machine can run'),
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
      .describe('ONNX graphs that transformers.js loads, in every checkpoint and in the final model; default: none'),
    wandb_project: z
      .string()
      .regex(/^[\w.-]{1,128}$/, 'Up to 128 letters, digits, dots, dashes and underscores are needed.')
      .optional()
      .describe(
        'Project of Weights & Biases that also receives the metrics; the server needs WANDB_API_KEY; default: none',
      ),
    tasks: tasks.optional().describe('For env_type agent: the tasks of your agent, any JSON values; default: none'),
    evaluation_tasks: tasks.optional().describe('For env_type agent: tasks of evaluations; default: tasks'),
    lease_seconds: z
      .int()
      .min(1)
      .max(86_400)
      .optional()
      .describe(
        'For env_type agent: a rollout whose agent asks for nothing for so long is handed out again; default: 120',
      ),
    tensorboard: z.boolean().default(false).describe('Also write event files for TensorBoard into the run'),
  })
  .superRefine((request, context) => {
    // Errors of single fields come first: they cause those that would be found here.
    if (context.issues.length > 0) return;
    const wrong = wrongRecipe(request);
    if (wrong !== undefined) context.addIssue({ code: 'custom', path: ['recipe'], message: wrong });
    checkGame({ env_type: request.env_type, env_config: namedGame(request) }, context);
    for (const name of ['lora_alpha', 'lora_targets', 'base_bits'] as const) {
      if (request[name] !== undefined && request.lora_rank === undefined)
        context.addIssue({ code: 'custom', path: [name], message: 'lora_rank is needed with it.' });
    }
    if (request.delta !== undefined && request.delta <= 1 + (request.epsilon ?? DEFAULT_LOSS.epsilon))
      context.addIssue({ code: 'custom', path: ['delta'], message: 'It must be above 1 + epsilon.' });
    if (context.issues.length > 0) return;
    // The checks here do not depend on the model.
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
/** Body of POST /start-training after its check: what was sent. Settings that were left out are still missing. */
export type StartTraining = z.infer<typeof startTraining>;

const OR_CARRIED = "default: as in the model's training, where it carries its game";
/** In words alone: a client that sends the default of a schema would override what the model carries. */
const otherwise = (fallback: unknown) => `${OR_CARRIED}, otherwise ${fallback}`;
const maxSteps = z
  .int()
  .min(1)
  .max(10_000)
  .describe(`Maximum number of replies of a game; ${otherwise(PLAYING_DEFAULTS.max_steps)}`)
  .optional();
const strategy = z
  .enum(HISTORY_STRATEGIES)
  .describe(`What the policy sees of an episode; ${otherwise(PLAYING_DEFAULTS.history_strategy)}`)
  .optional();
const playedConfig = envConfig.describe(`Settings of the game, as listed by GET /environments; ${OR_CARRIED}`);

/** Games in one answer, which the server holds in memory. */
const MOST_TRAJECTORIES = 1000;

/** Body of POST /evaluate-policy. What is left open comes from the model's own training, then from the defaults. */
export const evaluatePolicy = z
  .strictObject({
    password,
    model_path: modelPath,
    env_type: playedType,
    env_config: playedConfig,
    eval_episodes: z.int().min(1).max(100_000).default(10).describe('Number of games'),
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
      .describe('Whether the answer contains the games; a job keeps them for GET /jobs/{id}/episodes'),
    async: z.boolean().default(false).describe('Answer at once with a job'),
  })
  .superRefine((request, context) => {
    checkGame({ ...request, env_config: playedGame(request) }, context);
    if (request.include_trajectories && !request.async && request.eval_episodes > MOST_TRAJECTORIES) {
      const message = `At most ${MOST_TRAJECTORIES} with the games in the answer: set include_trajectories to false, or async to true.`;
      context.addIssue({ code: 'custom', path: ['eval_episodes'], message });
    }
  })
  .meta({ id: 'EvaluatePolicy' });
/** Body of POST /evaluate-policy after its check; fields with a fixed default are filled in. */
export type EvaluatePolicy = z.infer<typeof evaluatePolicy>;

/** Body of POST /generate-rollout: as an evaluation, of one game. */
export const generateRollout = z
  .strictObject({
    password,
    model_path: modelPath,
    env_type: playedType,
    env_config: playedConfig,
    max_steps: maxSteps,
    sampling_params: z
      .strictObject({
        temperature: temperature
          .describe(
            `Sampling temperature, where 0 takes the most likely token; ${otherwise(PLAYING_DEFAULTS.rollout_temperature)}`,
          )
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
/** Body of POST /generate-rollout after its check; fields with a fixed default are filled in. */
export type GenerateRollout = z.infer<typeof generateRollout>;
