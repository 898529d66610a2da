// The actions of `ludic client`: for each its help, its server, its options and what it does.

import {
  ENDPOINTS,
  evaluatePolicy,
  generateRollout,
  type Job,
  type JobStarted,
  policyEvaluation,
  ServiceError,
  startTraining,
} from '@ludic/service';
import { ClientError, type LudicClient, type RolloutRequest } from '@ludic/service/client';
import { z } from 'zod';
import { UsageError } from '../failure.ts';
import { TransferView } from '../models/transfers.ts';
import type { FieldSchemas } from '../options/fields.ts';
import type { Addresses, ServerPurpose } from './connect.ts';
import { downloadModel } from './download.ts';
import { type Again, followJob } from './follow.ts';
import { followLogs } from './logs.ts';
import { environmentsText, evaluationText, healthText, jobsText, jobText, modelsText, rolloutText } from './show.ts';

export interface Setting<Given = object> {
  /** Client of the action's server. */
  readonly client: LudicClient;
  readonly addresses: Addresses;
  /** Client of another address of the same service. */
  readonly clientOf: (address: string) => LudicClient;
  /** The given values of the action's fields, checked. */
  readonly given: Given;
  readonly json: boolean;
  readonly again: Again;
}

export interface Action<Fields extends FieldSchemas = FieldSchemas> {
  readonly summary: string;
  readonly purpose: ServerPurpose;
  /** Needs no password. */
  readonly open?: true;
  readonly fields: Fields;
  run(setting: Setting<z.input<z.ZodObject<Fields>>>): Promise<void>;
}

/** Gives `run` the types of the fields. */
const action = <Fields extends FieldSchemas>(action: Action<Fields>) => action;

const without = <Shape extends FieldSchemas, Name extends string>(shape: Shape, ...names: readonly Name[]) =>
  Object.fromEntries(Object.entries(shape).filter(([name]) => !names.includes(name as Name))) as Omit<Shape, Name>;

const jobId = { job_id: z.string().min(1).describe('job, as train prints and jobs lists it') };
const follow = { follow: z.boolean().optional().describe('show the progress of the job until it ends') };
const model = { model_name: z.string().min(1).describe('model of the server, as models lists it') };

/** Fields of `sampling_params`, which are options of their own. */
const sampling = evaluatePolicy.shape.sampling_params.unwrap().shape;
const rolloutSampling = generateRollout.shape.sampling_params.unwrap().shape;

export const ACTIONS = {
  health: action({
    summary: 'check that the server is alive',
    purpose: 'train',
    open: true,
    fields: {},
    async run({ addresses, clientOf, json }) {
      const asked = [...new Set([addresses.train, addresses.infer])];
      const answers = await Promise.allSettled(asked.map((address) => clientOf(address).health()));
      for (const [i, answer] of answers.entries())
        if (answer.status === 'fulfilled')
          console.log(json ? JSON.stringify(answer.value) : healthText(asked[i]!, answer.value));
      for (const answer of answers) if (answer.status === 'rejected') throw answer.reason;
    },
  }),
  train: action({
    summary: 'train a model in a game',
    purpose: 'train',
    fields: { ...without(startTraining.shape, 'password'), ...follow },
    async run({ client, given: { follow: isFollowed, ...request }, ...setting }) {
      const started = await client.startTraining(request);
      if (!isFollowed) return sayStarted(started, setting);
      process.stderr.write(`${started.message}\n`);
      await followToEnd(client, started.job_id, setting);
    },
  }),
  evaluate: action({
    summary: 'play many games and report how good a model is',
    purpose: 'infer',
    fields: { ...without(evaluatePolicy.shape, 'password', 'include_trajectories'), ...sampling, ...follow },
    async run({ client, given, ...setting }) {
      const { follow: isFollowed, async: isJob, ...rest } = given;
      const request = { ...withSampling(rest), include_trajectories: setting.json };
      if (!isFollowed && !isJob) {
        const answer = await client.evaluatePolicy(request).catch(adviseFollowing);
        return console.log(setting.json ? JSON.stringify(answer) : evaluationText(answer));
      }
      // The other actions look for jobs there.
      const jobs = setting.clientOf(setting.addresses.train);
      const started = await jobs.startEvaluation(request);
      if (!isFollowed) return sayStarted(started, setting);
      await followToEnd(jobs, started.job_id, setting);
    },
  }),
  rollout: action({
    summary: 'play one game and show it move by move',
    purpose: 'infer',
    fields: { ...without(generateRollout.shape, 'password'), ...rolloutSampling },
    async run({ client, given, json }) {
      const answer = await client.generateRollout(withSampling(given));
      console.log(json ? JSON.stringify(answer) : rolloutText(answer));
    },
  }),
  jobs: action({
    summary: 'list all jobs, newest first',
    purpose: 'train',
    fields: ENDPOINTS.jobs.query.shape,
    async run({ client, given, json }) {
      const jobs = await client.jobs(given);
      console.log(json ? JSON.stringify({ jobs }) : jobsText(jobs));
    },
  }),
  job: action({
    summary: 'show one job',
    purpose: 'train',
    fields: { ...jobId, ...follow },
    async run({ client, given, ...setting }) {
      if (given.follow) return followToEnd(client, given.job_id, setting);
      sayJob(await client.job(given.job_id), setting.json);
    },
  }),
  logs: action({
    summary: 'print the log of a job',
    purpose: 'train',
    fields: { ...jobId, ...ENDPOINTS.jobLogs.query.shape, ...follow },
    async run({ client, given: { job_id, follow: isFollowed, tail } }) {
      if (!isFollowed) {
        process.stdout.write(await client.jobLogs(job_id, tail === undefined ? {} : { tail }));
        return;
      }
      const controller = new AbortController();
      process.once('SIGINT', () => controller.abort());
      try {
        await followLogs(client, job_id, tail as number | undefined, controller.signal, (text) =>
          process.stdout.write(text),
        );
      } catch (error) {
        if (!controller.signal.aborted) throw error;
        process.exitCode = 130;
      }
    },
  }),
  cancel: action({
    summary: 'end a job; training saves first',
    purpose: 'train',
    fields: jobId,
    run: async ({ client, given, json }) => sayJob(await client.cancelJob(given.job_id), json),
  }),
  resume: action({
    summary: 'continue a job that failed or was cancelled',
    purpose: 'train',
    fields: { ...jobId, ...follow },
    async run({ client, given, ...setting }) {
      const job = await client.resumeJob(given.job_id);
      if (given.follow) return followToEnd(client, job.job_id, setting);
      sayJob(job, setting.json);
    },
  }),
  models: action({
    summary: 'list the models of the server',
    purpose: 'train',
    fields: {},
    async run({ client, json }) {
      const models = await client.models();
      console.log(json ? JSON.stringify({ models }) : modelsText(models));
    },
  }),
  download: action({
    summary: 'download a model as a folder',
    purpose: 'train',
    fields: {
      ...model,
      out: z.string().min(1).optional().describe('folder to write (default: the name of the model)'),
    },
    async run({ client, given, json }) {
      const { model_name: name, out = name } = given;
      if (given.out === undefined && !/^[\w-][\w.-]*$/.test(out))
        throw new UsageError('--out is needed for that name.');
      const view = new TransferView(process.stderr, () => performance.now());
      const downloaded = await downloadModel(client, name, out, (event) => view.show(event)).finally(() =>
        view.close(),
      );
      if (json) return console.log(JSON.stringify({ ...downloaded, out }));
      const game = downloaded.env_type ?? 'GAME';
      console.log(`${out} holds ${name}. Try it with: npm run ludic -- evaluate --env ${game} --model ${out}`);
    },
  }),
  delete: action({
    summary: 'delete a model of the server with its run',
    purpose: 'train',
    fields: model,
    async run({ client, given, json }) {
      const answer = await client.deleteModel(given.model_name);
      console.log(json ? JSON.stringify(answer) : `${answer.name} is gone.`);
    },
  }),
  environments: action({
    summary: 'list the games and their settings',
    purpose: 'train',
    fields: {},
    async run({ client, json }) {
      const environments = await client.environments();
      console.log(json ? JSON.stringify({ environments }) : environmentsText(environments));
    },
  }),
} as const;

export type ActionName = keyof typeof ACTIONS;
export const ACTION_NAMES = Object.keys(ACTIONS) as ActionName[];

type SamplingFields = NonNullable<RolloutRequest['sampling_params']>;

/** Moves options such as `--temperature` into `sampling_params`, where they replace its own values. */
function withSampling<Given extends SamplingFields & { readonly sampling_params?: SamplingFields | undefined }>({
  temperature,
  max_tokens,
  top_k,
  top_p,
  ...rest
}: Given) {
  const single = Object.entries({ temperature, max_tokens, top_k, top_p }).filter(([, value]) => value !== undefined);
  if (single.length === 0) return rest;
  return { ...rest, sampling_params: { ...rest.sampling_params, ...Object.fromEntries(single) } };
}

const sayJob = (job: Job, json: boolean) => console.log(json ? JSON.stringify(job) : jobText(job));

type Saying = Pick<Setting, 'json' | 'again'>;

function sayStarted(started: JobStarted, { json, again }: Saying): void {
  if (json) console.log(JSON.stringify(started));
  else console.log(`${started.message}\nFollow it with: ${again('job', started.job_id)} --follow`);
}

function adviseFollowing(error: unknown): never {
  if (error instanceof ServiceError && error.code === 'too_long')
    throw new ServiceError(error.code, `${error.message} Here that is --follow.`, { cause: error });
  if (!(error instanceof ClientError) || error.code !== 'timed_out') throw error;
  throw new ClientError(
    'timed_out',
    `${error.message} With --follow it is a job, which may take as long as it needs.`,
    {
      cause: error,
    },
  );
}

/** Exit code 1 where the job did not complete. */
async function followToEnd(client: LudicClient, id: string, { json, again }: Saying): Promise<void> {
  const job = await followJob(client, id, again, json ? process.stderr : process.stdout);
  if (job === undefined) return;
  if (job.status !== 'completed') process.exitCode = 1;
  if (json) return console.log(JSON.stringify(job));
  const { data: evaluation } = policyEvaluation.safeParse(job.result);
  if (job.status !== 'completed')
    console.log(`Job ${id} ${job.status}${job.reason === null ? '.' : `: ${job.reason}`}`);
  else if (evaluation) console.log(evaluationText(evaluation));
  else if (job.output_dir !== null)
    console.log(`Done: the server has the model ${job.output_dir}, for --action evaluate or --action download.`);
}
