// W&B's HTTP API as far as a run needs it: the owner of the key, opening a run, and the stream of its files. A failure
// that may pass is thrown as a TransientError, any other as a TrackingError.

import { askedWait, type JsonObject, openAnswer, parseObject, rateLimitReset, TransientError } from '@ludic/io';
import { TrackingError } from '../errors.ts';
import { runUrl, type WandbAccount } from './account.ts';
import type { WandbConfig } from './content.ts';

export interface RunAddress {
  readonly entity: string;
  readonly project: string;
  /** Its id in the address. */
  readonly name: string;
}

export interface RunDefinition extends RunAddress {
  /** null keeps the name that the run has. */
  readonly displayName: string | null;
  /** Takes the place of the config that the run has. */
  readonly config: WandbConfig;
}

export interface OpenedRun extends RunAddress {
  readonly url: string;
  /** Whether there was no such run before. */
  readonly isNew: boolean;
  /** Lines of history that are there already. */
  readonly historyLines: number;
}

export interface StreamUpdate {
  /** Lines of JSON, and the place of the first: a line that is sent again takes its own place. */
  readonly history?: { readonly offset: number; readonly lines: readonly string[] };
  /** JSON; the last one counts. */
  readonly summary?: string;
  /** Ends the run. */
  readonly exitCode?: number;
}

const RUN_CONFIG = `query RunConfig($project: String, $entity: String, $name: String!) {
  model(name: $project, entityName: $entity) { id bucket(name: $name, missingOk: true) { id config } }
}`;
const VIEWER = 'query Viewer { viewer { id entity } }';
const UPSERT_BUCKET = `mutation UpsertBucket(
  $name: String!, $displayName: String, $project: String, $entity: String,
  $config: JSONString, $jobType: String
) {
  upsertBucket(input: {
    name: $name, displayName: $displayName, modelName: $project, entityName: $entity,
    config: $config, jobType: $jobType
  }) {
    bucket { id name displayName historyLineCount project { name entity { name } } }
    inserted
  }
}`;

/** Milliseconds after which a request counts as lost. */
const TIMEOUT = 60_000;
/** Statuses that a retry does not change. */
const FINAL = new Set([400, 401, 403, 404, 405, 409, 410, 413, 422]);
const LONGEST_ANSWER = 2 ** 20;
/** Milliseconds that a rate limit can hold requests back. */
const LONGEST_REST = 60_000;

export class WandbClient {
  readonly #account: WandbAccount;
  readonly #authorization: string;
  /** Milliseconds to wait before the next request, from the last answer, when the rate limit is used up. */
  #rest = 0;

  constructor(account: WandbAccount) {
    this.#account = account;
    this.#authorization = `Basic ${btoa(`api:${account.key}`)}`;
  }

  get rest(): number {
    return this.#rest;
  }

  /** The entity that the key belongs to. */
  async defaultEntity(signal: AbortSignal): Promise<string> {
    const { viewer } = (await this.#graphql(VIEWER, {}, signal)) as { viewer?: { entity?: unknown } | null };
    if (!viewer) throw this.#badKey();
    if (typeof viewer.entity !== 'string' || viewer.entity === '') {
      throw new TrackingError(
        'refused',
        'The W&B account has no default entity. Set WANDB_ENTITY to a user or a team.',
      );
    }
    return viewer.entity;
  }

  /** The config that W&B holds of a run; undefined where there is no such run. */
  async configOf({ entity, project, name }: RunAddress, signal: AbortSignal): Promise<WandbConfig | undefined> {
    const { model } = (await this.#graphql(RUN_CONFIG, { entity, project, name }, signal)) as {
      model?: { bucket?: { config?: unknown } | null } | null;
    };
    const text = model?.bucket?.config;
    if (!model?.bucket) return undefined;
    const config = parseObject(String(text ?? '{}'));
    if (config) return config as WandbConfig;
    throw this.#notWandb();
  }

  /**
   * Makes the run, or opens the one of this name.
   * @throws TrackingError `deleted` where a run of this name was deleted: W&B does not give the name out again
   */
  async openRun({ config, ...run }: RunDefinition, signal: AbortSignal): Promise<OpenedRun> {
    const variables = { ...run, config: JSON.stringify(config), jobType: 'train' };
    const { upsertBucket } = (await this.#graphql(UPSERT_BUCKET, variables, signal)) as { upsertBucket?: Upserted };
    const { bucket, inserted } = upsertBucket ?? {};
    const entity = bucket?.project?.entity?.name;
    const project = bucket?.project?.name;
    if (!bucket || typeof bucket.name !== 'string' || typeof entity !== 'string' || typeof project !== 'string')
      throw this.#notWandb();
    const { name, historyLineCount } = bucket;
    return {
      entity,
      project,
      name,
      url: runUrl(this.#account.baseUrl, entity, project, name),
      isNew: inserted === true,
      historyLines: Number.isSafeInteger(historyLineCount) ? (historyLineCount as number) : 0,
    };
  }

  /** Sends an update; an empty one shows that the run is alive. */
  async stream({ entity, project, name }: OpenedRun, update: StreamUpdate, signal: AbortSignal): Promise<void> {
    const { history, summary, exitCode } = update;
    const files = {
      ...(history && { 'wandb-history.jsonl': { offset: history.offset, content: history.lines } }),
      ...(summary !== undefined && { 'wandb-summary.json': { offset: 0, content: [summary] } }),
    };
    const path = ['files', entity, project, name, 'file_stream'].map(encodeURIComponent).join('/');
    await this.#post(
      path,
      {
        ...(Object.keys(files).length > 0 && { files }),
        ...(exitCode !== undefined && { complete: true, exitcode: exitCode }),
      },
      signal,
    );
  }

  async #graphql(query: string, variables: object, signal: AbortSignal): Promise<object> {
    // The server answers 409 while it works on the same run for another request.
    const text = await this.#post('graphql', { query, variables }, signal, { mayConflict: true });
    const { data, errors } = objectIn(text);
    if (Array.isArray(errors) && errors.length > 0)
      throw new TrackingError('refused', `W&B refuses the run: ${this.#quoted(messageOf(text))}.`);
    if (typeof data !== 'object' || data === null) throw new TransientError(this.#notWandb());
    return data;
  }

  async #post(path: string, body: object, signal: AbortSignal, { mayConflict = false } = {}): Promise<string> {
    const { baseUrl } = this.#account;
    const named = (error: unknown, passed: number | undefined) => {
      const { message, cause } = error as Error & { cause?: { code?: unknown } };
      // A proxy may answer with a number where Node has a name.
      const reason = passed === undefined ? String(cause?.code ?? message) : `no answer within ${passed / 1000} s`;
      return new TransientError(
        new TrackingError('unreachable', `${baseUrl} cannot be reached (${this.#quoted(reason)}).`),
      );
    };
    const url = `${baseUrl}/${path}`;
    const answer = await openAnswer({ url, limit: TIMEOUT, signal, named }, (signal) =>
      fetch(url, {
        method: 'POST',
        headers: { authorization: this.#authorization, 'content-type': 'application/json', 'user-agent': 'ludic' },
        body: JSON.stringify(body),
        redirect: 'manual',
        signal,
      }),
    );
    const text = await answer.text(LONGEST_ANSWER);
    const { ok, status, headers } = answer;
    this.#rest = Math.min(1000 * (rateLimitReset(headers) ?? 0), LONGEST_REST);
    if (ok) return text;
    if (status === 401) throw this.#badKey();
    if (status >= 300 && status < 400) {
      throw new TrackingError(
        'refused',
        `${baseUrl} is not where W&B's API is: it redirects. Set WANDB_BASE_URL to the right address.`,
      );
    }
    const reason = messageOf(text);
    const said = reason === '' ? '' : `: ${this.#quoted(reason)}`;
    if (status === 409 && /previously created and deleted/.test(reason))
      throw new TrackingError('deleted', `The run was deleted at W&B${said}.`);
    if (FINAL.has(status) && !(status === 409 && mayConflict))
      throw new TrackingError('refused', `W&B refuses the run with status ${status}${said}.`);
    throw new TransientError(
      new TrackingError('unreachable', `${baseUrl} answers with status ${status}${said}.`),
      askedWait(headers),
    );
  }

  #notWandb(): TrackingError {
    return new TrackingError(
      'bad_answer',
      `${this.#account.baseUrl} does not answer as W&B does. Check WANDB_BASE_URL.`,
    );
  }

  #badKey(): TrackingError {
    return new TrackingError(
      'bad_key',
      `${this.#account.baseUrl} does not know the key in WANDB_API_KEY. Copy it again from your W&B account.`,
    );
  }

  /** A server's message on one line, without our key. */
  #quoted(text: string): string {
    const line = text.replaceAll(this.#account.key, '…').replaceAll(/\s+/g, ' ').trim();
    return line.slice(0, 200).replace(/\.$/, '');
  }
}

interface Upserted {
  readonly bucket?: {
    readonly name?: unknown;
    readonly historyLineCount?: unknown;
    readonly project?: { readonly name?: unknown; readonly entity?: { readonly name?: unknown } };
  };
  readonly inserted?: unknown;
}

const objectIn = (text: string): JsonObject => parseObject(text) ?? {};

/** The reason in an answer, in the forms of GraphQL, of W&B's other paths and of proxies; else the text itself. */
function messageOf(text: string): string {
  const { errors, error, message } = objectIn(text);
  const first = Array.isArray(errors) ? (errors[0] as unknown) : (error ?? message);
  const found = typeof first === 'object' && first !== null ? (first as { message?: unknown }).message : first;
  return String(found ?? text).trim();
}
