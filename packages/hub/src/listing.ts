// What a revision of a model holds at the Hub. Nothing that a server says is used as a name before it is checked.

import { type ListFileEntry, listFiles, modelInfo } from '@huggingface/hub';
import type { FetchPolicy, Retry } from '@ludic/io';
import { type Asking, host } from './answers.ts';
import { HubError } from './errors.ts';
import { COMMIT } from './reference.ts';
import { hubFetch } from './request.ts';
import type { RemoteFile } from './transfer.ts';

export interface Listing {
  readonly commit: string;
  /** Files of the root, by name. */
  readonly files: ReadonlyMap<string, RemoteFile>;
}

/** @throws HubError */
export async function lookUp(asking: Asking, policy: FetchPolicy, onRetry: (retry: Retry) => void): Promise<Listing> {
  const { reference, settings } = asking;
  const { repo, revision } = reference;
  const common = { hubUrl: settings.endpoint, fetch: hubFetch(asking, policy, onRetry) };
  const commit = COMMIT.test(revision)
    ? revision
    : (await sensible(asking, () => modelInfo({ ...common, name: repo, revision, additionalFields: ['sha'] }))).sha;
  if (typeof commit !== 'string' || !COMMIT.test(commit)) throw badAnswer(asking, `the commit ${commit}`);
  const files = await sensible(asking, async () => {
    const found = new Map<string, RemoteFile>();
    for await (const entry of listFiles({ ...common, repo: { type: 'model', name: repo }, revision: commit })) {
      if (entry.type === 'file') found.set(entry.path, remoteFile(entry, commit, asking));
    }
    return found;
  });
  return { commit, files };
}

function remoteFile({ path, size, oid, lfs }: ListFileEntry, commit: string, asking: Asking): RemoteFile {
  if (typeof path !== 'string' || !isSafeName(path)) throw badAnswer(asking, `a file named ${path}`);
  const etag = lfs?.oid ?? oid;
  if (typeof etag !== 'string' || !(lfs ? /^[0-9a-f]{64}$/ : COMMIT).test(etag))
    throw badAnswer(asking, `the checksum ${etag} of ${path}`);
  const bytes = lfs?.size ?? size;
  if (!Number.isSafeInteger(bytes) || bytes < 0) throw badAnswer(asking, `${bytes} bytes of ${path}`);
  const { settings, reference } = asking;
  const url = `${settings.endpoint}/${reference.repo}/resolve/${commit}/${path.split('/').map(encodeURIComponent).join('/')}`;
  return { file: path, url, size: bytes, etag };
}

/** Whether a name stays inside the folder that it is put into, on any system. */
export const isSafeName = (name: string): boolean =>
  name !== '' &&
  !name.includes('\0') &&
  !/^[/\\]|^[A-Za-z]:/.test(name) &&
  !name.split(/[/\\]/).some((part) => part === '' || part === '.' || part === '..');

function badAnswer(asking: Asking, what: string): HubError {
  return new HubError(
    'bad_answer',
    `${host(asking)} speaks of ${what}, which cannot be. Nothing of it is used; check HF_ENDPOINT.`,
  );
}

/** Whatever is no error of ours comes from an answer of another shape. */
async function sensible<T>(asking: Asking, ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof HubError) throw error;
    throw new HubError(
      'bad_answer',
      `${host(asking)} does not answer as the Hub does: ${(error as Error).message}. Check HF_ENDPOINT.`,
      { cause: error },
    );
  }
}
