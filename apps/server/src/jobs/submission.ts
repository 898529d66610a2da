// From an accepted request to the work that a job stores: the model is looked up, what the request leaves open is decided,
// and what cannot succeed is refused before there is a job.

import { type Choice, type ModelTraits, modelTraits, type TrainSettings } from '@ludic/grpo';
import { traitsOfName } from '@ludic/grpo/internal';
import type { EvaluatePolicy, StartTraining } from '@ludic/service';
import { completeTraining, contractFields, modelName } from '@ludic/service/internal';
import type { TrackingSettings } from '@ludic/tracking';
import { whyNotTracked } from '@ludic/tracking/node';
import { gameOrigin } from '../games.ts';
import { type ModelOrigin, rememberedName } from '../models/model-source.ts';
import type { ModelStore } from '../models/model-store.ts';
import { assertAdaptable, assertAvailable, openFiles } from '../models/open-model.ts';
import { type AgentTasks, assertPlayable, requestedTasks } from './agent-tasks.ts';
import type { RequestedWork } from './process/messages.ts';
import type { JobFields } from './store/job-store.ts';

/** What a job is made from, beside its owner. */
export type NewJob = Pick<JobFields, 'model_name' | 'env_type' | 'total_steps' | 'game'> & RequestedWork;

export interface NewTraining {
  readonly job: NewJob & { readonly output_dir: string };
  /** Of an agent. */
  readonly tasks: AgentTasks | undefined;
  /** The settings as they will run, by field of the contract. */
  readonly effective: Readonly<Record<string, unknown>>;
  /** What a recipe `auto` has chosen. */
  readonly chosen: Choice[];
  /** Sentences for the client. */
  readonly notes: readonly string[];
}

/**
 * @param cores of the machine, which limit the processes that share an update
 * @throws ServiceError `not_found`, `unusable`; ModelError, HubError, EnvironmentError
 */
export async function newTraining(request: StartTraining, models: ModelStore, cores: number): Promise<NewTraining> {
  const outputDir = modelName(request.output_dir)!;
  const tasks = requestedTasks(request);
  // Fails here and not in the job where the model cannot be had.
  const source = await models.lookUp(request.model_name);
  await assertAvailable(source);
  const traits = await traitsOf(source);
  const { request: complete, settings, choices } = completeTraining(request, traits);
  await assertAdaptable(source, settings.lora);
  const { password: _password, tasks: _tasks, evaluation_tasks: _evaluation, ...asked } = complete;
  // The rollouts of an agent are handed out by one process.
  const workers = tasks ? 1 : Math.min(request.tensor_parallel_size, cores, settings.shards);
  const untracked = whyNotTracked(requestedTracking(request), process.env);
  return {
    tasks,
    job: {
      kind: 'train',
      model_name: request.model_name,
      output_dir: outputDir,
      env_type: request.env_type,
      ...gameOrigin(request.env_type),
      total_steps: settings.steps,
      request: {
        ...asked,
        model_name: rememberedName(source, request.model_name),
        output_dir: outputDir,
        tensor_parallel_size: workers,
      },
    },
    effective: {
      ...(request.recipe !== undefined && { recipe: request.recipe }),
      model_name: request.model_name,
      env_type: request.env_type,
      output_dir: outputDir,
      tensor_parallel_size: workers,
      ...contractFields(settings),
    },
    chosen: [...choices],
    notes: [
      ...(workers < request.tensor_parallel_size && !tasks
        ? [`tensor_parallel_size is ${workers}: more processes than cores or shards would not help.`]
        : []),
      ...(untracked === undefined ? [] : [untracked]),
      ...(request.recipe === undefined ? [withoutRecipe(settings, traits)] : []),
    ],
  };
}

/** @throws ServiceError `not_found`, `unusable`; ModelError, HubError */
export async function newEvaluation(request: EvaluatePolicy, models: ModelStore): Promise<NewJob> {
  assertPlayable(request.env_type);
  const { password: _password, async: _async, ...asked } = request;
  const source = await models.lookUp(request.model_path);
  if (source.from === 'hub') await assertAvailable(source);
  return {
    kind: 'evaluate',
    model_name: request.model_path,
    output_dir: null,
    env_type: request.env_type,
    ...gameOrigin(request.env_type),
    total_steps: request.eval_episodes,
    request: { ...asked, model_path: rememberedName(source, request.model_path) },
  };
}

/** What matters of a model for its training. A model that is still at the Hub is judged by its name. */
const traitsOf = async (source: ModelOrigin): Promise<ModelTraits> =>
  source.from === 'hub' ? traitsOfName(source.reference) : modelTraits(await openFiles(source));

/** The trackers that a request of training names. */
export const requestedTracking = ({
  wandb_project: project,
  tensorboard,
}: Pick<StartTraining, 'wandb_project' | 'tensorboard'>): TrackingSettings => ({
  ...(project !== undefined && { wandb: { project } }),
  ...(tensorboard && { tensorboard }),
});

/** What may be expected of the contract's defaults. */
function withoutRecipe({ learningRate, batchSize, loss }: TrainSettings, { kind, parameters }: ModelTraits): string {
  const small = kind === 'nano' || parameters < 20_000_000;
  const reasons = [
    ...(small && learningRate < 1e-4
      ? [`a model of this size hardly learns at a learning rate of ${learningRate}`]
      : []),
    ...(batchSize < 128 ? [`${batchSize} games an update are mostly luck`] : []),
    ...(loss.beta === 0 ? ['without a beta invalid replies may take over'] : []),
  ];
  if (reasons.length === 0) return 'No recipe was asked for; "recipe": "auto" chooses settings that are not sent.';
  return `What to expect without a recipe: ${reasons.join('; ')}. "recipe": "auto" chooses settings that train well.`;
}
