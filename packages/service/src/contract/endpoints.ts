// Every endpoint of the service: method, path, what it takes and what it answers. The server registers these, the client
// calls them and the OpenAPI document lists them.

import { chatRequest } from '@ludic/chat';
import { z } from 'zod';
import {
  environmentList,
  health,
  jobStarted,
  model,
  modelList,
  policyEvaluation,
  rollout,
  trainingStarted,
} from './answers.ts';
import type { ErrorCode } from './errors.ts';
import { job, jobList, jobMetrics } from './jobs.ts';
import { evaluatePolicy, generateRollout, startTraining } from './requests.ts';
import { handedRollout, nextRollout } from './rollouts.ts';

/** One endpoint. Schemas check what comes in; their descriptions are those of the OpenAPI document. */
export interface Endpoint {
  readonly method: 'get' | 'post' | 'delete';
  /** With `{name}` for parameters, as OpenAPI writes them. */
  readonly path: string;
  readonly summary: string;
  /** Set where no password is needed. */
  readonly open?: true;
  readonly params?: z.ZodObject;
  readonly query?: z.ZodObject;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: z.ZodType;
  /** The body may be left out. */
  readonly bodyOptional?: true;
  /** Schema of a JSON answer or media type of another, by status. */
  readonly answers: Readonly<Record<number, z.ZodType | string>>;
  readonly errors: readonly ErrorCode[];
}

const id = z.object({ id: z.string().min(1).max(100) });
const name = z.object({ name: z.string().min(1).max(300) });
const passwordOnly = z.strictObject({ password: z.string().max(1000).optional() });

const WITH_BODY = ['bad_request', 'too_slow', 'too_large', 'unsupported_media_type'] as const;
const MODEL = ['not_found', 'unusable', 'unavailable'] as const;
const PLAYED = [...MODEL, 'too_long'] as const;

/** All endpoints, by the name of their method in the client. */
export const ENDPOINTS = {
  health: {
    method: 'get',
    path: '/health-check',
    summary: 'Health of the service',
    open: true,
    answers: { 200: health },
    errors: [],
  },
  startTraining: {
    method: 'post',
    path: '/start-training',
    summary: 'Start a training job; answers at once',
    body: startTraining,
    answers: { 202: trainingStarted },
    errors: [...WITH_BODY, ...MODEL, 'conflict'],
  },
  evaluatePolicy: {
    method: 'post',
    path: '/evaluate-policy',
    summary: 'Evaluate a model in a game',
    body: evaluatePolicy,
    answers: { 200: policyEvaluation, 202: jobStarted },
    errors: [...WITH_BODY, ...PLAYED],
  },
  generateRollout: {
    method: 'post',
    path: '/generate-rollout',
    summary: 'Play one game with a model, move by move',
    body: generateRollout,
    answers: { 200: rollout },
    errors: [...WITH_BODY, ...PLAYED],
  },
  jobs: {
    method: 'get',
    path: '/jobs',
    summary: 'List the jobs, newest first',
    query: z.object({
      status: job.shape.status.optional().describe('Only jobs in this state'),
      limit: z.coerce.number().int().min(1).max(1000).default(100).describe('Maximum number of jobs'),
    }),
    answers: { 200: jobList },
    errors: ['bad_request'],
  },
  job: {
    method: 'get',
    path: '/jobs/{id}',
    summary: 'One job',
    params: id,
    answers: { 200: job },
    errors: ['not_found'],
  },
  jobMetrics: {
    method: 'get',
    path: '/jobs/{id}/metrics',
    summary: 'Metrics of a training job',
    params: id,
    query: z.object({ after: z.coerce.number().int().min(0).default(0).describe('Only steps after this one') }),
    answers: { 200: jobMetrics },
    errors: ['bad_request', 'not_found'],
  },
  jobLogs: {
    method: 'get',
    path: '/jobs/{id}/logs',
    summary: 'Log of a job',
    params: id,
    query: z.object({
      tail: z.coerce.number().int().min(1).max(100_000).default(1000).describe('Number of lines from the end'),
    }),
    answers: { 200: 'text/plain' },
    errors: ['bad_request', 'not_found'],
  },
  jobEpisodes: {
    method: 'get',
    path: '/jobs/{id}/episodes',
    summary: 'Games that the trainer sampled, or that a completed evaluation kept, as JSON Lines',
    params: id,
    query: z.object({
      first: z.coerce.number().int().min(1).optional().describe('Number of games from the beginning'),
      last: z.coerce
        .number()
        .int()
        .min(1)
        .optional()
        .describe('Number of games from the end, of those that first selects'),
    }),
    answers: { 200: 'application/x-ndjson' },
    errors: ['bad_request', 'not_found'],
  },
  jobEvents: {
    method: 'get',
    path: '/jobs/{id}/events',
    summary: 'Server-sent events of a job, from the first one or from the one after Last-Event-ID, until the job ends',
    params: id,
    headers: { 'Last-Event-ID': 'Number of the last event that the client has' },
    answers: { 200: 'text/event-stream' },
    errors: ['bad_request', 'not_found'],
  },
  nextRollout: {
    method: 'post',
    path: '/jobs/{id}/rollouts',
    summary: 'Hand out the next rollout of an agent; waits for one',
    params: id,
    body: nextRollout,
    bodyOptional: true,
    answers: { 200: handedRollout },
    errors: [...WITH_BODY, 'not_found', 'conflict', 'unavailable'],
  },
  cancelJob: {
    method: 'post',
    path: '/jobs/{id}/cancel',
    summary: 'Cancel a job; a training saves a checkpoint first',
    params: id,
    body: passwordOnly,
    bodyOptional: true,
    answers: { 200: job },
    errors: [...WITH_BODY, 'not_found', 'conflict'],
  },
  resumeJob: {
    method: 'post',
    path: '/jobs/{id}/resume',
    summary: 'Resume a job that failed or was cancelled',
    params: id,
    body: passwordOnly,
    bodyOptional: true,
    answers: { 202: job },
    errors: [...WITH_BODY, 'not_found', 'conflict'],
  },
  models: {
    method: 'get',
    path: '/models',
    summary: 'List the models of the server',
    answers: { 200: modelList },
    errors: [],
  },
  model: {
    method: 'get',
    path: '/models/{name}',
    summary: 'One model and its files',
    params: name,
    answers: { 200: model },
    errors: ['bad_request', 'not_found'],
  },
  modelFile: {
    method: 'get',
    path: '/models/{name}/{file}',
    summary:
      'Download a file of a model; supports one range, If-Range and If-None-Match. The name of the file may contain slashes',
    params: name.extend({ file: z.string().min(1).max(500) }),
    headers: {
      Range: 'bytes=FROM-TO',
      'If-Range':
        'ETag of the file that the client has a part of; the answer is the whole file if the ETag has changed',
      'If-None-Match': 'ETag of the file that the client has',
    },
    answers: { 200: 'application/octet-stream', 206: 'application/octet-stream', 304: 'application/octet-stream' },
    errors: ['bad_request', 'not_found', 'range_not_satisfiable'],
  },
  deleteModel: {
    method: 'delete',
    path: '/models/{name}',
    summary: 'Delete a model and its run',
    params: name,
    answers: { 200: z.object({ name: z.string(), deleted: z.literal(true) }) },
    errors: ['bad_request', 'forbidden', 'not_found', 'conflict'],
  },
  chat: {
    method: 'post',
    path: '/v1/chat/completions',
    summary: 'Chat completion in the format of OpenAI; server-sent events with stream: true',
    body: chatRequest,
    answers: { 200: z.record(z.string(), z.unknown()) },
    errors: [...WITH_BODY, ...PLAYED],
  },
  chatModels: {
    method: 'get',
    path: '/v1/models',
    summary: 'List the models of the server in the format of OpenAI',
    answers: { 200: z.record(z.string(), z.unknown()) },
    errors: [],
  },
  chatModel: {
    method: 'get',
    path: '/v1/models/{model}',
    summary: 'One model in the format of OpenAI. Its name may contain slashes',
    params: z.object({ model: z.string().min(1).max(300) }),
    answers: { 200: z.record(z.string(), z.unknown()) },
    errors: ['bad_request', ...MODEL],
  },
  environments: {
    method: 'get',
    path: '/environments',
    summary: 'List the games and their settings',
    answers: { 200: environmentList },
    errors: [],
  },
  metrics: {
    method: 'get',
    path: '/metrics',
    summary: 'Metrics of the service for Prometheus',
    answers: { 200: 'text/plain' },
    errors: [],
  },
  openapi: {
    method: 'get',
    path: '/openapi.json',
    summary: 'This OpenAPI document',
    open: true,
    answers: { 200: z.record(z.string(), z.unknown()) },
    errors: [],
  },
} as const satisfies Readonly<Record<string, Endpoint>>;

/** Key of an endpoint, which names its method and path, its schemas, statuses and error codes: see `ENDPOINTS`. */
export type EndpointName = keyof typeof ENDPOINTS;
