// Models of the Hugging Face Hub that were fetched before.

/** Whether a model of the Hub lies whole in the cache of this machine. The Hub itself is not asked. */
export async function isHubModelHere(name: string): Promise<boolean> {
  const { HubError, openHubModel, parseReference, readHubSettings } = await import('@ludic/models/hub');
  const reference = parseReference(name);
  if (!reference) return false;
  try {
    await openHubModel(reference, { ...(await readHubSettings(process.env)), offline: true });
    return true;
  } catch (error) {
    if (error instanceof HubError) return false;
    throw error;
  }
}
