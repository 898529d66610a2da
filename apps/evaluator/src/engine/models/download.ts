// Downloads of models: looked at before, counted in bytes while they come, kept afterwards. What is kept by the same name
// is never the answer: it is replaced.

import { ModelError } from '@ludic/models';
import { fetchModelFile } from '@ludic/models/web';
import { reportDevices } from '@ludic/runtime/web';
import type { Answers, RequestOf } from '../protocol.ts';
import { StorageError } from './cache.ts';
import { whyUnfit } from './fit.ts';
import type { DeviceChoice, Offer } from './library.ts';
import type { Models, Report } from './registry.ts';
import { headersOf, needsOf, refused, ShopError } from './sources.ts';

/** @throws ShopError where it cannot fit or may not come, ModelError `not_fetched` where it did not come */
export async function loadHere(
  { shop, offer, device }: RequestOf<'load'>,
  models: Models,
  report: Report,
  signal: AbortSignal,
): Promise<Answers['load']> {
  const headers = headersOf(shop);
  const blobs = new Map<string, Blob>();
  let before = 0;
  const fetchFile = async ({ file, url }: Offer['files'][number]) => {
    const blob = await fetchModelFile(url, file, {
      headers,
      signal,
      onProgress: ({ loaded }) =>
        report({ stage: 'loading', file: offer.name, loaded: before + loaded, total: offer.size }),
    }).catch((error: unknown) => {
      throw error instanceof ModelError && error.code === 'not_allowed' && shop.from === 'server'
        ? refused(shop)
        : error;
    });
    if (!blob) throw new ShopError(`${file} of ${offer.name} is no longer there: look at the list again.`);
    before += blob.size;
    blobs.set(file, blob);
    return blob;
  };
  const config = offer.files.find(({ file }) => file === 'config.json');
  if (!config) throw new ShopError(`${offer.name} has no config.json: it is no model that can be played here.`);
  const needs = needsOf(offer, parse(await (await fetchFile(config)).text(), offer.name));
  const reason = whyUnfit(offer.name, needs, await deviceFor(device));
  if (reason !== undefined) throw new ShopError(reason);
  for (const file of offer.files) if (file !== config) await fetchFile(file);
  const card = models.add(offer.name, shop.from, blobs, offer.dtype ? { dtype: offer.dtype } : {});
  try {
    return { card: await models.keep(offer.name) };
  } catch (error) {
    if (!(error instanceof StorageError)) throw error;
    return { card, trouble: error.message };
  }
}

function parse(text: string, name: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new ShopError(`config.json of ${name} is damaged: ${(error as Error).message}.`, { cause: error });
  }
}

/** The device that the choice means, as it reports itself. */
async function deviceFor(choice: DeviceChoice) {
  const [cpu, ...others] = await reportDevices();
  const gpu = others.find(({ device }) => device === 'webgpu');
  if (choice === 'auto') return gpu?.present && !gpu.software ? gpu : cpu!;
  return (choice === 'webgpu' && gpu) || cpu!;
}
