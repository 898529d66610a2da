// W&B's HTTP API as far as a run needs it: whose key this is, opening a run, and the stream of its files. What may pass
// is thrown as a Hiccup, what will not as a TrackingError.

import { TrackingError } from '../errors.ts';
import { runUrl, type WandbAccount } from './account.ts';
import { Hiccup } from './persistence.ts';

export interface RunDefinition {
  /** Its id in the address. */
  readonly name: string;
  readonly displayName: string;
  readonly project: string;
  readonly entity: string;
  /** Each setting as `{ value }`. */
  readonly config: Readonly<Record<string, { readonly value: unknown }>>;
}

export interface OpenedRun {
  readonly entity: string;
  readonly project: string;
  readonly name: string;
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
/** Statuses that stay what they are however often one asks. */
const FINAL = new Set([400, 401, 403, 404, 405, 409, 410, 413, 422]);
const LONGEST_ANSWER = 2 ** 20;

export class WandbClient {
  readonly #account: WandbAccount;
  readonly #authorization: string;

  constructor(account: WandbAccount) {
    this.#account = account;
    this.#authorization = `Basic ${btoa(`api:${account.key}`)}`;
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

  /** Makes the run, or goes on with the one of this name. */
  async openRun({ config, ...run }: RunDefinition, signal: AbortSignal): Promise<OpenedRun> {
    const variables = { ...run, config: JSON.stringify(config), jobType: 'train' };
    const { upsertBucket } = (await this.#graphql(UPSERT_BUCKET, variables, signal)) as { upsertBucket?: Upserted };
    const { bucket, inserted } = upsertBucket ?? {};
    const entity = bucket?.project?.entity?.name;
    const project = bucket?.project?.name;
    if (!bucket || typeof bucket.name !== 'string' || typeof entity !== 'string' || typeof project !== 'string') {
      throw new TrackingError(
        'bad_answer',
        `${this.#account.baseUrl} does not answer as W&B does. Check WANDB_BASE_URL.`,
      );
    }
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

  /** An empty update says that the run is still alive. */
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
    const text = await this.#post('graphql', { query, variables }, signal);
    let answer: { data?: unknown; errors?: unknown };
    try {
      answer = JSON.parse(text) ?? {};
    } catch {
      answer = {};
    }
    if (Array.isArray(answer.errors) && answer.errors.length > 0) {
      const message = String((answer.errors[0] as { message?: unknown } | null)?.message ?? 'without a reason');
      throw new TrackingError('refused', `W&B refuses the run: ${this.#quoted(message)}.`);
    }
    if (typeof answer.data !== 'object' || answer.data === null) {
      throw new Hiccup(
        new TrackingError('bad_answer', `${this.#account.baseUrl} does not answer as W&B does. Check WANDB_BASE_URL.`),
      );
    }
    return answer.data;
  }

  async #post(path: string, body: object, signal: AbortSignal): Promise<string> {
    const { baseUrl } = this.#account;
    let status: number;
    let wait: number;
    let text: string;
    try {
      const response = await fetch(`${baseUrl}/${path}`, {
        method: 'POST',
        headers: { authorization: this.#authorization, 'content-type': 'application/json', 'user-agent': 'ludic' },
        body: JSON.stringify(body),
        redirect: 'manual',
        signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT)]),
      });
      status = response.status;
      wait = 1000 * Number(/^\s*(\d{1,6})\s*$/.exec(response.headers.get('retry-after') ?? '')?.[1] ?? 0);
      text = await beginning(response);
    } catch (error) {
      const { message, cause } = error as Error & { cause?: { code?: string } };
      const reason = cause?.code ?? message;
      throw new Hiccup(new TrackingError('unreachable', `${baseUrl} cannot be reached (${this.#quoted(reason)}).`));
    }
    if (status >= 200 && status < 300) return text;
    if (status === 401) throw this.#badKey();
    if (status >= 300 && status < 400) {
      throw new TrackingError(
        'refused',
        `${baseUrl} is not where W&B's API is: it sends elsewhere. Set WANDB_BASE_URL to the right address.`,
      );
    }
    const said = text.trim() === '' ? '' : `: ${this.#quoted(text)}`;
    if (FINAL.has(status)) throw new TrackingError('refused', `W&B refuses the run with status ${status}${said}.`);
    throw new Hiccup(new TrackingError('unreachable', `${baseUrl} answers with status ${status}.`), wait);
  }

  #badKey(): TrackingError {
    return new TrackingError(
      'bad_key',
      `${this.#account.baseUrl} does not know the key in WANDB_API_KEY. Copy it again from your W&B account.`,
    );
  }

  /** What a server said, on one line, and never our own key. */
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

/** The text of an answer, as far as anybody will read it. */
async function beginning(response: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk, { stream: true });
    if (text.length > LONGEST_ANSWER) break;
  }
  return text;
}
