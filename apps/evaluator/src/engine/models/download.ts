// Downloads of models: looked at before, counted in bytes while they come, stored afterwards. What is stored by the same name
// is never the answer: it is replaced.

import { ModelError } from '@ludic/models';
import { fetchModelFile } from '@ludic/models/web';
import { reportDevices } from '@ludic/runtime/web';
import type { Answers, RequestOf } from '../protocol.ts';
import type { Work } from '../work.ts';
import { StorageError } from './cache.ts';
import { whyUnfit } from './fit.ts';
import type { DeviceChoice, ModelListing } from './library.ts';
import { headersOf, needsOf, refused, SourceError } from './sources.ts';

/** @throws SourceError where it cannot fit or may not come, ModelError `not_fetched` where it did not come */
export async function answerLoad(
  { source, listing, device }: RequestOf<'load'>,
  { models, report, signal }: Work,
): Promise<Answers['load']> {
  const headers = headersOf(source);
  const blobs = new Map<string, Blob>();
  let before = 0;
  const fetchFile = async ({ file, url }: ModelListing['files'][number]) => {
    const blob = await fetchModelFile(url, file, {
      headers,
      signal,
      onProgress: ({ loaded }) =>
        report({ stage: 'loading', file: listing.name, loaded: before + loaded, total: listing.size }),
    }).catch((error: unknown) => {
      throw error instanceof ModelError && error.code === 'not_allowed' && source.from === 'server'
        ? refused(source)
        : error;
    });
    if (!blob) throw new SourceError(`${file} of ${listing.name} is no longer there: look at the list again.`);
    before += blob.size;
    blobs.set(file, blob);
    return blob;
  };
  const config = listing.files.find(({ file }) => file === 'config.json');
  if (!config) throw new SourceError(`${listing.name} has no config.json: it is no model that can be played here.`);
  const needs = needsOf(listing, parse(await (await fetchFile(config)).text(), listing.name));
  const reason = whyUnfit(listing.name, needs, await deviceFor(device));
  if (reason !== undefined) throw new SourceError(reason);
  for (const file of listing.files) if (file !== config) await fetchFile(file);
  const card = models.add(listing.name, source.from, blobs, listing.dtype ? { dtype: listing.dtype } : {});
  try {
    return { card: await models.keep(listing.name) };
  } catch (error) {
    if (!(error instanceof StorageError)) throw error;
    return { card, error: error.message };
  }
}

/** @throws SourceError where the text is no JSON */
function parse(text: string, name: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new SourceError(`config.json of ${name} is damaged: ${(error as Error).message}.`, { cause: error });
  }
}

/** The device that the choice means, as it reports itself. */
async function deviceFor(choice: DeviceChoice) {
  const [cpu, ...others] = await reportDevices();
  const gpu = others.find(({ device }) => device === 'webgpu');
  if (choice === 'auto') return gpu?.present && !gpu.software ? gpu : cpu!;
  return (choice === 'webgpu' && gpu) || cpu!;
}
