// The service as an object: a method for each of its endpoints, for Node and for browsers.

import type { z } from 'zod';
import type { JobStarted, PolicyEvaluation } from '../contract/answers.ts';
import { ENDPOINTS, type Endpoint, type EndpointName } from '../contract/endpoints.ts';
import { addressOf } from './address.ts';
import { type ChatDelta, type ChatRequest, streamChat } from './chat.ts';
import { Connection, type ConnectionOptions } from './connection.ts';
import { ClientError } from './errors.ts';
import { type EventsOptions, followJob, type NumberedJobEvent } from './job-events.ts';
import { type FileOptions, type ModelFile, openModelFile } from './model-file.ts';

/** Options of every method. */
export interface CallOptions {
  readonly signal?: AbortSignal;
  /** Milliseconds for this answer, in place of the client's. */
  readonly timeoutMs?: number;
}

type Endpoints = typeof ENDPOINTS;
/** What a request may hold: fields with a default may be left out. */
type RequestBody<Name extends EndpointName> = Endpoints[Name] extends { readonly body: infer Schema extends z.ZodType }
  ? z.input<Schema>
  : undefined;
type Query<Name extends EndpointName> = Endpoints[Name] extends { readonly query: infer Schema extends z.ZodType }
  ? z.input<Schema>
  : undefined;
/** What each success is answered with. */
type AnswerOf<Name extends EndpointName> = {
  [Status in keyof Endpoints[Name]['answers']]: Endpoints[Name]['answers'][Status] extends z.ZodType
    ? z.infer<Endpoints[Name]['answers'][Status]>
    : string;
}[keyof Endpoints[Name]['answers']];

interface EndpointCall<Name extends EndpointName> extends CallOptions {
  readonly params?: Readonly<Record<string, string>>;
  readonly query?: Query<Name>;
  readonly body?: RequestBody<Name>;
  readonly usualMs?: number;
}

/** Body of `startTraining`; fields with a default may be left out, as in the next two. */
export type TrainingRequest = RequestBody<'startTraining'>;
/** Body of `evaluatePolicy` and `startEvaluation`, which set `async` themselves. Default of the temperature: 0. */
export type EvaluationRequest = Omit<RequestBody<'evaluatePolicy'>, 'async'>;
/** Body of `generateRollout`. Without a `seed` the server draws one and tells it in the answer. */
export type RolloutRequest = RequestBody<'generateRollout'>;

/**
 * Milliseconds that games are given: longer than a server's own limit by default, so that its reason arrives. Node itself
 * gives up after five minutes without a word.
 */
const PLAYING = 630_000;

/**
 * Every method rejects with a `ServiceError` for what the server has against a request, with a `ClientError` for what
 * goes wrong on the way, and with the reason of a signal that was aborted. What changes nothing is tried again by
 * itself, and other requests where the server says that it has begun nothing and when to come again.
 */
export class LudicClient {
  readonly #connection: Connection;

  /** @throws ClientError `bad_base_url`, `insecure` */
  constructor(options: ConnectionOptions) {
    this.#connection = new Connection(options);
  }

  /** Needs no password. */
  health(options: CallOptions = {}) {
    return this.#json('health', options);
  }

  /** Begins a job; `jobEvents` follows it. */
  startTraining(request: TrainingRequest, options: CallOptions = {}) {
    return this.#json('startTraining', { ...options, body: request });
  }

  /** Plays, at temperature 0 unless the request names one, and waits for the result. More than some minutes of games are better begun with `startEvaluation`. */
  async evaluatePolicy(request: EvaluationRequest, options: CallOptions = {}): Promise<PolicyEvaluation> {
    const answer = await this.#json('evaluatePolicy', { ...options, usualMs: PLAYING, body: greedy(request) });
    if ('results' in answer) return answer;
    throw new ClientError('bad_answer', `The server made a job of the evaluation: ${answer.job_id}.`);
  }

  /** The same as a job, whose `result` is the evaluation. */
  async startEvaluation(request: EvaluationRequest, options: CallOptions = {}): Promise<JobStarted> {
    const answer = await this.#json('evaluatePolicy', { ...options, body: { ...greedy(request), async: true } });
    if ('job_id' in answer) return answer;
    throw new ClientError('bad_answer', 'The server evaluated at once, although a job was asked for.');
  }

  /** Plays one game and answers with all of it. */
  generateRollout(request: RolloutRequest, options: CallOptions = {}) {
    return this.#json('generateRollout', { ...options, usualMs: PLAYING, body: request });
  }

  /** Jobs of this password, newest first. @param query `status`, `limit` */
  async jobs(query: NonNullable<Query<'jobs'>> = {}, options: CallOptions = {}) {
    return (await this.#json('jobs', { ...options, query })).jobs;
  }

  /** @throws ServiceError `not_found` */
  job(id: string, options: CallOptions = {}) {
    return this.#json('job', { ...options, params: { id } });
  }

  /** @param query `after`: only the steps behind that one */
  jobMetrics(id: string, query: NonNullable<Query<'jobMetrics'>> = {}, options: CallOptions = {}) {
    return this.#json('jobMetrics', { ...options, params: { id }, query });
  }

  /** @param query `tail`: so many lines from the end */
  jobLogs(id: string, query: NonNullable<Query<'jobLogs'>> = {}, options: CallOptions = {}): Promise<string> {
    return this.#text('jobLogs', { ...options, params: { id }, query });
  }

  /**
   * Games that the trainer sampled, or all of an evaluation that was asked to keep them, once it is completed.
   * @param query `first`, `last`: only so many from the beginning, and of those from the end
   */
  async jobEpisodes(
    id: string,
    query: NonNullable<Query<'jobEpisodes'>> = {},
    options: CallOptions = {},
  ): Promise<readonly Readonly<Record<string, unknown>>[]> {
    const text = await this.#text('jobEpisodes', { ...options, params: { id }, query });
    try {
      return text
        .split('\n')
        .filter((line) => line.trim() !== '')
        .map((line) => JSON.parse(line));
    } catch {
      throw new ClientError('bad_answer', `The episodes of job ${id} cannot be read: a line is no JSON.`);
    }
  }

  /** What happens to a job, from its beginning until it ends. Connections that break are made anew. */
  jobEvents(id: string, options: EventsOptions = {}): AsyncGenerator<NumberedJobEvent, void, void> {
    const { signal } = options;
    const findJob = () => this.job(id, signal && { signal });
    return followJob(this.#connection, ENDPOINTS.jobEvents.path, id, findJob, options);
  }

  /**
   * The next rollout of a training with `env_type: 'agent'`, or null where none came for `wait_seconds`, by default 20.
   * @throws ServiceError `conflict` where the job has ended, or is of no agent
   */
  async nextRollout(id: string, request: RequestBody<'nextRollout'> = {}, options: CallOptions = {}) {
    const usualMs = 1000 * (request.wait_seconds ?? 0) + 60_000;
    return (await this.#json('nextRollout', { ...options, usualMs, params: { id }, body: request })).rollout;
  }

  /** Training saves before it ends. */
  cancelJob(id: string, options: CallOptions = {}) {
    return this.#json('cancelJob', { ...options, params: { id }, body: {} });
  }

  /** Puts a job that failed or was cancelled back into the queue. @throws ServiceError `conflict` for other jobs */
  resumeJob(id: string, options: CallOptions = {}) {
    return this.#json('resumeJob', { ...options, params: { id }, body: {} });
  }

  async models(options: CallOptions = {}) {
    return (await this.#json('models', options)).models;
  }

  model(name: string, options: CallOptions = {}) {
    return this.#json('model', { ...options, params: { name } });
  }

  /** @param file a path that `model` lists */
  modelFile(name: string, file: string, options: FileOptions = {}): Promise<ModelFile> {
    return openModelFile(this.#connection, ENDPOINTS.modelFile.path, { name, file }, options);
  }

  /**
   * The address of a model's file and the headers to send, for programs that download it by other means.
   * @throws ServiceError `bad_request` for names that cannot be
   */
  modelFileAddress(
    name: string,
    file: string,
  ): { readonly url: string; readonly headers: Readonly<Record<string, string>> } {
    const { base, authorization } = this.#connection;
    return { url: addressOf(base, ENDPOINTS.modelFile.path, { name, file }).href, headers: authorization };
  }

  deleteModel(name: string, options: CallOptions = {}) {
    return this.#json('deleteModel', { ...options, params: { name } });
  }

  async environments(options: CallOptions = {}) {
    return (await this.#json('environments', options)).environments;
  }

  /** Numbers of the service as Prometheus reads them. */
  metrics(options: CallOptions = {}): Promise<string> {
    return this.#text('metrics', options);
  }

  /** The document of every endpoint. Needs no password. */
  openapi(options: CallOptions = {}) {
    return this.#json('openapi', options);
  }

  /** A reply of a model as it is written, in the shape of OpenAI's chat completions. */
  chat(request: ChatRequest, options: { readonly signal?: AbortSignal } = {}): AsyncGenerator<ChatDelta, void, void> {
    return streamChat(this.#connection, request, options);
  }

  #text<Name extends EndpointName>(name: Name, asking: EndpointCall<Name>): Promise<string> {
    return this.#connection.text(callOf(name, asking)).then(({ text }) => text);
  }

  async #json<Name extends EndpointName>(name: Name, asking: EndpointCall<Name>): Promise<AnswerOf<Name>> {
    const { status, value, url } = await this.#connection.json(callOf(name, asking));
    const schema = (ENDPOINTS[name] as Endpoint).answers[status];
    if (schema === undefined || typeof schema === 'string')
      throw new ClientError('bad_answer', `${url} answers with status ${status}, which has no meaning there.`, {
        status,
      });
    const { error } = schema.safeParse(value);
    if (error) {
      const [issue] = error.issues;
      throw new ClientError(
        'bad_answer',
        `${url} answers in another shape than this version reads: ${issue!.path.join('.') || 'the answer'}: ${issue!.message}.`,
        { status, cause: error },
      );
    }
    // As it came: what a later server adds stays.
    return value as AnswerOf<Name>;
  }
}

function callOf<Name extends EndpointName>(name: Name, asking: EndpointCall<Name>) {
  const { params, query, ...rest } = asking;
  const { method, path } = ENDPOINTS[name];
  return { method, path, ...rest, ...(params && { params }), ...(query && { query }) };
}

/** Judged is what the model holds likeliest. The contract's own default, 0.1, is for other clients. */
const greedy = (request: EvaluationRequest): EvaluationRequest => ({
  ...request,
  sampling_params: { ...request.sampling_params, temperature: request.sampling_params?.temperature ?? 0 },
});
