// Models of the Hugging Face Hub that were fetched before.

import type { ModelFiles } from '@ludic/models';

/** Whether a model of the Hub lies whole in the cache of this machine. The Hub itself is not asked. */
export const isHubModelHere = async (name: string) => (await hubModelHere(name)) !== undefined;

/** Its files, undefined where it does not. */
export async function hubModelHere(name: string): Promise<ModelFiles | undefined> {
  const { HubError, openHubModel, parseReference, readHubSettings } = await import('@ludic/hub');
  const reference = parseReference(name);
  if (!reference) return undefined;
  try {
    return await openHubModel(reference, { ...(await readHubSettings(process.env)), offline: true });
  } catch (error) {
    if (error instanceof HubError) return undefined;
    throw error;
  }
}
