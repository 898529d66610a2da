// What can be asked of a server in a form: a training, or an evaluation. The fields come from the schema of the request,
// so that the forms know every setting that the server does; here is what is said of them beyond that.

import { environments } from '@ludic/environments';
import { NANO_TRAITS } from '@ludic/grpo';
import { RECIPES } from '@ludic/grpo/internal';
import { evaluatePolicy, type Job, requestedTraining, startTraining } from '@ludic/service';
import type { EvaluationRequest, LudicClient, TrainingRequest } from '@ludic/service/client';
import { completePlaying, completeTraining, playedGame } from '@ludic/service/internal';
import type { JsonSchema } from '../../ui/schema-field.tsx';
import { type Filled, type FormField, fieldsOf } from './form-fields.ts';

/** Values of a request by their names in the contract. */
export type RequestFields = Readonly<Record<string, unknown>>;

/** What stands in a form when it is opened. */
export interface Prefilled {
  readonly filled: Filled;
  /** Of the game's own settings. */
  readonly gameFilled: Filled;
}

/** A form that begins a job, apart from how it is drawn. */
export interface RequestForm {
  readonly title: string;
  /** The fields that most requests set, in this order. */
  readonly first: readonly FormField[];
  readonly further: readonly FormField[];
  /** Where the model is named. */
  readonly modelField: string;
  /** Settings of games that have a field of their own, by that. */
  readonly gameFields: Readonly<Record<string, string>>;
  readonly prefilled: Prefilled;
  /** Fields that are left to the game that the model was trained in, as the game's own settings are then. */
  readonly leftOpen: readonly string[];
  /** What settings come to that are left out, as far as this page can tell; undefined while the rest cannot be used. */
  readonly fallback: (request: RequestFields) => RequestFields | undefined;
  readonly start: (client: LudicClient, request: RequestFields) => Promise<{ job_id: string; message: string }>;
}

/** What is said of a form beyond its schema. */
interface FormPlan extends Omit<RequestForm, 'first' | 'further'> {
  readonly schema: ObjectSchema;
  /** Names of the first fields, and what they are called here. */
  readonly labels: Readonly<Record<string, string>>;
  /** Whose label says it all. */
  readonly withoutHint: readonly string[];
  /** Whether defaults are filled in. */
  readonly withDefaults: boolean;
  /** Said elsewhere: by the session, by the game's own settings, by the page. */
  readonly hidden: readonly string[];
}

/** A JSON schema of an object. */
interface ObjectSchema {
  readonly properties: Readonly<Record<string, JsonSchema>>;
  readonly required: readonly string[];
}

const schemaOf = (document: { readonly $defs?: unknown }, name: string) =>
  (document.$defs as Readonly<Record<string, ObjectSchema>>)[name]!;

/** Joins the fields of the schema with the plan. */
function formOf({ schema, labels, withoutHint, withDefaults, leftOpen, hidden, ...form }: FormPlan): RequestForm {
  const open = fieldsOf(schema.properties, schema.required, false);
  const all = (withDefaults ? fieldsOf(schema.properties, schema.required) : open)
    .map((field) => (leftOpen.includes(field.name) ? open.find(({ name }) => name === field.name)! : field))
    .filter(({ name }) => !hidden.includes(name));
  const first = Object.entries(labels).flatMap(([name, label]) => {
    const field = all.find((one) => one.name === name);
    return field ? [{ ...field, label, hint: withoutHint.includes(name) ? undefined : field.hint }] : [];
  });
  return { ...form, leftOpen, first, further: all.filter(({ name }) => !Object.hasOwn(labels, name)) };
}

const trainingForm = () =>
  formOf({
    title: 'New training',
    schema: schemaOf(startTraining.toJSONSchema({ io: 'input' }), 'StartTraining'),
    // A recipe fills in what is left empty.
    withDefaults: false,
    leftOpen: [],
    labels: {
      recipe: 'Recipe',
      output_dir: 'Name of the new model',
      model_name: 'Start from',
      env_type: 'Game',
      history_strategy: 'The policy sees',
      max_steps: 'Updates',
      batch_size: 'Games per update',
      group_size: 'Group size',
      learning_rate: 'Learning rate',
      beta: 'KL weight',
      max_completion_length: 'Longest reply',
      env_size: 'Size of the grid',
      rollout_max_steps: 'Longest game',
      eval_every: 'Evaluate every',
      seed: 'Seed',
    },
    withoutHint: ['env_type', 'history_strategy', 'max_steps', 'batch_size'],
    // The training of an agent is started where the agent is.
    hidden: ['password', 'env_config', 'tasks', 'evaluation_tasks', 'lease_seconds'],
    modelField: 'model_name',
    gameFields: { env_size: 'size', rollout_max_steps: 'max_steps' },
    prefilled: { filled: { recipe: 'auto', model_name: 'nano', env_type: 'tic_tac_toe' }, gameFilled: {} },
    fallback(request) {
      // A game that the server alone has: it decides.
      if (!environments.has(String(request.env_type))) return {};
      // The name is the last thing that is thought of.
      const { data } = startTraining.safeParse({ output_dir: 'new', ...request });
      if (!data) return undefined;
      // The server looks at the model itself; most start from nano.
      const { request: complete } = completeTraining(data, NANO_TRAITS);
      const { size: env_size, max_steps: rollout_max_steps } = complete.env_config;
      return { ...complete, env_size, rollout_max_steps };
    },
    start: (client, request) => client.startTraining(request as RequestFields & TrainingRequest),
  });

/** More than the contract's ten, which tell hardly any two policies apart. */
const GAMES = '200';
/** What the model has learned, without luck. */
const GREEDY = { 'sampling_params.temperature': '0' };

const evaluationForm = () =>
  formOf({
    title: 'New evaluation',
    schema: schemaOf(evaluatePolicy.toJSONSchema({ io: 'input' }), 'EvaluatePolicy'),
    withDefaults: true,
    // A model of the server carries the game that it was trained in.
    leftOpen: ['history_strategy', 'max_steps'],
    labels: {
      model_path: 'Model',
      env_type: 'Game',
      history_strategy: 'The policy sees',
      eval_episodes: 'Games',
      'sampling_params.temperature': 'Temperature',
      'sampling_params.max_tokens': 'Longest reply',
      max_steps: 'Longest game',
      seed: 'Seed',
      include_trajectories: 'Keep the games',
    },
    withoutHint: ['model_path', 'env_type', 'eval_episodes', 'include_trajectories'],
    hidden: ['password', 'env_config', 'async'],
    modelField: 'model_path',
    gameFields: { max_steps: 'max_steps' },
    prefilled: {
      filled: { model_path: 'nano', env_type: 'tic_tac_toe', eval_episodes: GAMES, ...GREEDY },
      gameFilled: {},
    },
    fallback: () => ({}),
    start: (client, request) => client.startEvaluation(request as RequestFields & EvaluationRequest),
  });

/** By the kind of the job that they begin. Made when they are first looked at. */
const MAKERS: Readonly<Record<Job['kind'], () => RequestForm>> = { train: trainingForm, evaluate: evaluationForm };
const made: Partial<Record<Job['kind'], RequestForm>> = {};
/** The form that begins a job of that kind. */
export const requestForm = (kind: Job['kind']): RequestForm => (made[kind] ??= MAKERS[kind]());

/** Fields of the game's own settings. They begin empty: a model or a recipe may say otherwise than the game does. */
export const gameFieldsOf = (
  { gameFields }: Pick<RequestForm, 'gameFields'>,
  properties: Readonly<Record<string, JsonSchema>>,
): readonly FormField[] =>
  fieldsOf(properties, [], false).filter(({ name }) => !Object.values(gameFields).includes(name));

/** The form of an evaluation of what a job trained, in its game, or of another evaluation like it. */
export function evaluationOf(job: Job): Prefilled | undefined {
  const { kind, request, output_dir } = job;
  if (!environments.has(job.env_type)) return evaluationElsewhere(job);
  if (kind === 'evaluate') {
    const { data } = evaluatePolicy.safeParse(request);
    if (!data) return undefined;
    const complete = completePlaying(data);
    const { max_steps = complete.max_steps, ...game } = playedGame(complete);
    return { filled: texts({ ...complete, max_steps }), gameFilled: texts(game) };
  }
  const { data } = startTraining.safeParse(request);
  if (!data || output_dir === null) return undefined;
  const { environment, environmentConfig, history, maxCompletionLength } = requestedTraining(data);
  const { max_steps, ...game } = environmentConfig as RequestFields;
  const filled = {
    model_path: output_dir,
    env_type: environment,
    history_strategy: history,
    eval_episodes: GAMES,
    sampling_params: { temperature: 0, max_tokens: maxCompletionLength },
    ...(max_steps !== undefined && { max_steps }),
  };
  return { filled: texts(filled), gameFilled: texts(game) };
}

/** The same in a game that this page does not know: the server has filled in what the request left open. */
function evaluationElsewhere({ kind, request, output_dir, env_type }: Job): Prefilled | undefined {
  const { env_config = {}, max_completion_length: max_tokens = '', ...asked } = request as RequestFields;
  const { max_steps = asked.max_steps, ...game } = env_config as RequestFields;
  if (kind === 'evaluate') return { filled: texts({ ...asked, max_steps }), gameFilled: texts(game) };
  if (output_dir === null) return undefined;
  const { history_strategy } = asked;
  const sampling_params = { temperature: 0, max_tokens };
  const filled = { model_path: output_dir, env_type, history_strategy, eval_episodes: GAMES, sampling_params };
  // Steps of the training are no steps of its games.
  const limit = Object.hasOwn(env_config as object, 'max_steps') && { max_steps };
  return { filled: texts({ ...filled, ...limit }), gameFilled: texts(game) };
}

/** As they would be typed, by the names of their fields. */
const texts = (values: RequestFields, before = ''): Record<string, string> =>
  Object.fromEntries(
    Object.entries(values).flatMap(([name, value]) =>
      typeof value === 'object' && value !== null
        ? Object.entries(texts(value as RequestFields, `${before}${name}.`))
        : [[`${before}${name}`, String(value)]],
    ),
  );

/** What recipes are called; without one the contract's defaults hold. */
export const RECIPE_TITLES: Readonly<Record<string, string>> = {
  '': 'plain: the fixed defaults of the contract',
  auto: 'auto: chosen for the game and the model',
  ...Object.fromEntries(Object.entries(RECIPES).map(([name, { title }]) => [name, title])),
};
