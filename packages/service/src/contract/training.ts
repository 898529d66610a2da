// From a request of training to the settings of its run: what was sent, and for the rest a recipe, or the defaults of the
// contract.

import { type EnvironmentDefinition, findEnvironment } from '@ludic/environments';
import {
  type Choice,
  DEFAULT_TRAINING,
  decideSettings,
  type ModelTraits,
  type TrainingFields,
  type TrainSettings,
} from '@ludic/grpo';
import {
  DEFAULT_FIELDS,
  evaluationPlan,
  groupSizeFor,
  RECIPES,
  type Recipe,
  shardsFor,
  trainingFields,
  trainSettings,
} from '@ludic/grpo/internal';
import { hasSetting } from './playing.ts';
import type { StartTraining } from './requests.ts';

/** What holds where a request without a recipe says nothing: existing clients rely on it. */
export const CONTRACT_DEFAULTS = {
  learning_rate: 1e-5,
  batch_size: 32,
  max_steps: 1000,
  env_size: 4,
  rollout_max_steps: 50,
  history_strategy: 'NO_HISTORY',
} as const;

/** Evaluations follow from the batch and the steps, groups from the batch, shards from the processes. */
const {
  group_size: _group,
  shards: _shards,
  eval_every: _every,
  eval_episodes: _episodes,
  ...fixed
}: Readonly<Record<string, unknown>> = DEFAULT_FIELDS;
/** The library's defaults that do not follow from other settings, by field. */
export const FIXED_DEFAULTS = fixed;

const AUTO = 'auto';
type RecipeName = keyof typeof RECIPES;
/** What `recipe` may be: names of a list, never a path. */
export const RECIPE_NAMES = [AUTO, ...(Object.keys(RECIPES) as RecipeName[])] as [typeof AUTO, ...RecipeName[]];

/** Games of a group where a request without a recipe says nothing. */
export const GROUP_SIZE = 8;

interface CompletedTraining {
  /** With nothing left open: it means the same to every version of the server. */
  readonly request: StartTraining;
  readonly settings: TrainSettings;
  /** What a recipe `auto` has chosen. */
  readonly choices: readonly Choice[];
}

type GameFields = Pick<StartTraining, 'env_type' | 'env_config' | 'env_size' | 'rollout_max_steps' | 'recipe'>;

/** Why the recipe cannot be used for this request. */
export function wrongRecipe({ recipe, env_type }: GameFields): string | undefined {
  const found = recipeOf(recipe);
  if (!found || found.environment === env_type) return undefined;
  return `It is for ${found.environment}; take auto, or one for ${env_type}.`;
}

const recipeOf = (name: StartTraining['recipe']): Recipe | undefined =>
  name === undefined || name === AUTO ? undefined : RECIPES[name];

/** The game's settings as far as a request names them, or its recipe does. */
export function namedGame({
  env_type,
  env_config,
  env_size,
  rollout_max_steps,
  recipe,
}: GameFields): Record<string, unknown> {
  return {
    ...recipeOf(recipe)?.environmentConfig,
    ...(hasSetting(env_type, 'size') && env_size !== undefined && { size: env_size }),
    ...(hasSetting(env_type, 'max_steps') && rollout_max_steps !== undefined && { max_steps: rollout_max_steps }),
    ...env_config,
  };
}

/** With the contract's defaults; a cut-off that is not named is never later than the game's own. */
function contractGame(request: GameFields): Record<string, unknown> {
  const { properties } = (findEnvironment(request.env_type) as EnvironmentDefinition).configSchema;
  const { env_size, rollout_max_steps } = CONTRACT_DEFAULTS;
  const own = properties.max_steps?.default;
  return {
    ...(properties.size && { size: env_size }),
    ...(typeof own === 'number' && { max_steps: Math.min(rollout_max_steps, own) }),
    ...namedGame(request),
  };
}

/** The training's fields that were sent, under the library's names. */
function sentFields({ history_strategy: history, max_steps: steps, ...request }: StartTraining): TrainingFields {
  return defined({ ...request, history, steps });
}

/** The settings as a request names them. */
export function contractFields(settings: TrainSettings) {
  const { steps: max_steps, history, credit, loss_type, lora_targets, ...fields } = trainingFields(settings);
  return {
    // What a request names is Ludic's own: no plugin is loaded for one.
    ...({ history_strategy: history, credit, loss_type } as Pick<
      StartTraining,
      'history_strategy' | 'credit' | 'loss_type'
    >),
    ...fields,
    ...(lora_targets !== undefined && { lora_targets: [...lora_targets] }),
    max_steps,
    // The checks of games let through these kinds alone.
    env_config: settings.environmentConfig as StartTraining['env_config'],
  };
}

/** The contract's defaults, which a group of another batch follows. */
function contractDefaults({ batch_size = CONTRACT_DEFAULTS.batch_size }: TrainingFields) {
  const { learning_rate, history_strategy: history, max_steps: steps } = CONTRACT_DEFAULTS;
  return { learning_rate, history, steps, batch_size, group_size: groupSizeFor(batch_size, GROUP_SIZE) };
}

/**
 * Decides everything that a request leaves open: by its recipe, or by the contract's defaults.
 * @param model what a recipe `auto` takes into account
 * @throws EnvironmentError for the game's settings
 */
export function completeTraining(request: StartTraining, model: ModelTraits): CompletedTraining {
  const { settings: decided, choices } = settingsFor(request, model);
  const settings = sharded(request, decided);
  return { request: { ...request, ...contractFields(settings) }, settings, choices };
}

/** As many shards as were asked for and not as many as this machine runs: so the weights are the same on every machine. */
const sharded = ({ shards, tensor_parallel_size }: StartTraining, settings: TrainSettings): TrainSettings => ({
  ...settings,
  shards: shards ?? shardsFor(settings, tensor_parallel_size),
});

function settingsFor(request: StartTraining, model: ModelTraits): Pick<CompletedTraining, 'settings' | 'choices'> {
  const sent = sentFields(request);
  const environment = request.env_type;
  if (request.recipe === AUTO)
    return decideSettings({ environment, environmentConfig: namedGame(request), given: sent, model });
  const recipe = recipeOf(request.recipe);
  if (recipe) {
    const fields = { ...recipe.fields, ...sent };
    const game = { environment, environmentConfig: namedGame(request) };
    return { settings: trainSettings(game, regrouped(fields, sent)), choices: [] };
  }
  const named = { ...contractDefaults(sent), ...sent };
  const { every: eval_every, episodes: eval_episodes } = evaluationPlan(named.steps, named.batch_size);
  const fields = { eval_every, eval_episodes, ...named };
  return { settings: trainSettings({ environment, environmentConfig: contractGame(request) }, fields), choices: [] };
}

/** Another batch than the recipe's may need other groups. */
function regrouped(fields: TrainingFields, sent: TrainingFields): TrainingFields {
  const { batch_size: batch = DEFAULT_TRAINING.batchSize, group_size: group = DEFAULT_TRAINING.groupSize } = fields;
  if (sent.group_size !== undefined || batch % group === 0) return fields;
  return { ...fields, group_size: groupSizeFor(batch, group) };
}

/** Evaluations of jobs that an earlier server accepted without a word of them. */
const EARLIER = { eval_every: 50, eval_episodes: 500, eval_temperature: 1 } as const;

/**
 * The library's settings that a complete request stands for. What an earlier version left open gets that version's defaults.
 */
export function requestedTraining(request: StartTraining): TrainSettings {
  const sent = sentFields(request);
  const game = { environment: request.env_type, environmentConfig: namedGame({ ...request, recipe: undefined }) };
  return sharded(request, trainSettings(game, { ...EARLIER, ...contractDefaults(sent), ...sent }));
}

const defined = <Fields extends object>(fields: Fields): Fields =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Fields;
