// A model to the Hub: the repository is made where there is none, large files go to its storage, the rest with the commit.

import { pathToFileURL } from 'node:url';
import { commitIter, createBranch, createRepo, repoExists } from '@huggingface/hub';
import { type Asking, host } from './answers.ts';
import type { HubEvent, HubOptions } from './download.ts';
import { HubError } from './errors.ts';
import type { HubReference } from './reference.ts';
import { DEFAULT_FETCH_POLICY, hubFetch } from './request.ts';
import type { HubSettings } from './settings.ts';

/** A file to be added to the repository, or put in the place of one. */
export interface UploadFile {
  /** In the repository, with slashes. */
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  /** `file`: a path on this machine. `text`: the content itself, as UTF-8. */
  readonly content: { readonly kind: 'file'; readonly file: string } | { readonly kind: 'text'; readonly text: string };
}

/** One commit to a model repository, which is made where there is none. Files that are not named stay. */
export interface Upload {
  /** Its revision is the branch that is written to. */
  readonly reference: HubReference;
  readonly files: readonly UploadFile[];
  /** One line that says what the commit does. */
  readonly title: string;
  /** Of a new repository; undefined leaves it to the account's own default. */
  readonly visibility?: 'private' | 'public';
}

/** The commit that an upload has made. */
export interface Uploaded {
  /** Page of the model. */
  readonly url: string;
  /** Its hash; empty where the Hub does not say. */
  readonly commit: string;
  /** Whether the repository is new. */
  readonly created: boolean;
}

/**
 * `@huggingface/hub` wants a token that begins so. The one that is sent is put in by `hubFetch`, for the Hub alone, and
 * may have any form.
 */
const PLACEHOLDER = 'hf_';

/** @throws HubError `no_token` and others */
export async function uploadModel(
  upload: Upload,
  settings: HubSettings,
  { policy = DEFAULT_FETCH_POLICY, onEvent = () => {} }: HubOptions = {},
): Promise<Uploaded> {
  const { reference, files, title } = upload;
  if (settings.offline)
    throw new HubError('offline', 'HF_HUB_OFFLINE forbids sending anything. Unset it to upload a model.');
  if (!settings.token) {
    throw new HubError(
      'no_token',
      `Uploading needs a token. Make one with the role write at ${settings.endpoint}/settings/tokens and set HF_TOKEN to it.`,
    );
  }
  const asking: Asking = { settings, reference, purpose: 'write' };
  const onRetry = ({ reason }: { readonly reason: string }) =>
    onEvent({ type: 'note', message: `${reason} Trying again.` });
  const common = {
    hubUrl: settings.endpoint,
    fetch: hubFetch(asking, policy, onRetry),
    repo: { type: 'model', name: reference.repo },
    accessToken: PLACEHOLDER,
  } as const;
  const created = await createWhereMissing(upload, common);
  if (reference.revision !== 'main') await unless(409, () => createBranch({ ...common, branch: reference.revision }));
  const iterator = commitIter({
    ...common,
    branch: reference.revision,
    title,
    // Plain LFS: each file is one stream, whose bytes can be counted and sent again.
    useXet: false,
    operations: files.map(({ path, content }) => ({
      operation: 'addOrUpdate',
      path,
      content: content.kind === 'file' ? pathToFileURL(content.file) : new Blob([content.text]),
    })),
  });
  const progress = new UploadProgress(files, onEvent);
  try {
    for (;;) {
      const step = await iterator.next();
      if (!step.done) {
        if (step.value.event === 'fileProgress' && step.value.state === 'uploading')
          progress.sent(step.value.path, step.value.progress);
        continue;
      }
      progress.finish();
      return { url: `${settings.endpoint}/${reference.repo}`, commit: step.value?.commit.oid ?? '', created };
    }
  } catch (error) {
    if (error instanceof HubError || (error as NodeJS.ErrnoException).code === 'ENOENT') throw error;
    throw new HubError('bad_answer', `${host(asking)} does not answer as the Hub does: ${(error as Error).message}.`, {
      cause: error,
    });
  }
}

async function createWhereMissing(
  { visibility }: Upload,
  common: Parameters<typeof createRepo>[0] & { readonly accessToken: string },
): Promise<boolean> {
  try {
    return await unless(409, () => createRepo({ ...common, ...(visibility && { visibility }) }));
  } catch (error) {
    // Who may write to a repository need not be allowed to make it.
    if (error instanceof HubError && error.status === 403 && (await exists(common))) return false;
    throw error;
  }
}

const exists = (common: Parameters<typeof repoExists>[0]) => repoExists(common).catch(() => false);

/** @returns false where the Hub answers with that status, which says that there is one already */
async function unless(status: number, make: () => Promise<unknown>): Promise<boolean> {
  try {
    await make();
    return true;
  } catch (error) {
    if (error instanceof HubError && error.status === status) return false;
    throw error;
  }
}

/** Turns shares of files into bytes. */
class UploadProgress {
  readonly #files: readonly UploadFile[];
  readonly #onEvent: (event: HubEvent) => void;
  readonly #bytes = new Map<string, number>();

  constructor(files: readonly UploadFile[], onEvent: (event: HubEvent) => void) {
    this.#files = files;
    this.#onEvent = onEvent;
  }

  sent(path: string, share: number): void {
    const file = this.#files.find((candidate) => candidate.path === path);
    if (!file || this.#bytes.get(path) === file.size) return;
    const begun = !this.#bytes.has(path);
    const bytes = Math.round(share * file.size);
    this.#bytes.set(path, bytes);
    this.#tell(file, bytes === file.size ? 'done' : begun ? 'begun' : 'moving', bytes);
  }

  /** Small files arrive with the commit itself. */
  finish(): void {
    for (const file of this.#files) {
      if (this.#bytes.get(file.path) === file.size) continue;
      this.#bytes.set(file.path, file.size);
      this.#tell(file, 'done', file.size);
    }
  }

  #tell({ path, size }: UploadFile, state: 'begun' | 'moving' | 'done', bytes: number): void {
    const sum = (numbers: Iterable<number>) => [...numbers].reduce((a, b) => a + b, 0);
    const all = { bytes: sum(this.#bytes.values()), size: sum(this.#files.map((file) => file.size)) };
    this.#onEvent({ type: 'file', file: path, size, state, bytes, all });
  }
}
