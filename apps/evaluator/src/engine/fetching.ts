// Models of servers: all files come at once, so that the model is here however long the server is.

import { ModelError } from '@ludic/models';
import { fetchModelFile } from '@ludic/models/web';
import type { Models, Report } from './models.ts';
import type { Answers, RequestOf } from './protocol.ts';

/** @throws ModelError `not_fetched` */
export async function fetchHere(
  { name, urls, headers }: RequestOf<'fetch'>,
  models: Models,
  report: Report,
  signal: AbortSignal,
): Promise<Answers['fetch']> {
  const blobs = new Map<string, Blob>();
  const onProgress = (progress: { file: string; loaded: number; total: number | undefined }) =>
    report({ stage: 'loading', ...progress });
  for (const [file, url] of Object.entries(urls)) {
    const blob = await fetchModelFile(url, file, { headers, onProgress, signal });
    if (!blob) throw new ModelError('not_fetched', `${file} of ${name} is no longer there. Look whether the model is.`);
    blobs.set(file, blob);
  }
  return { name: models.add(name, 'server', blobs).name };
}
