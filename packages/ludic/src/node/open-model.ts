// The files of a model by its name, as the command line takes it.

import { existsSync } from 'node:fs';
import { env } from 'node:process';
import { fileURLToPath } from 'node:url';
import { openHubModel, parseReference, readHubSettings } from '@ludic/hub';
import type { ModelFiles } from '@ludic/models';
import { openModelFolder } from '@ludic/models/node';
import { NANO_FOLDER } from '@ludic/nano';

/**
 * @param name `nano` (the embedded model), a folder in Hugging Face layout, or `org/name`, `org/name@revision` or an old
 *   name such as `gpt2` of the Hugging Face Hub, kept in the cache of Python's `huggingface_hub`
 * @throws ModelError, HubError
 */
export async function openModel(name: string): Promise<ModelFiles> {
  if (name === 'nano') return { ...(await openModelFolder(fileURLToPath(NANO_FOLDER))), name };
  const reference = existsSync(name) ? undefined : parseReference(name);
  return reference ? openHubModel(reference, await readHubSettings(env)) : openModelFolder(name);
}
