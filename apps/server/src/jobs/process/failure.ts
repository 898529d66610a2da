// Why a job cannot succeed, in a sentence for whoever asked for it.

/** Errors whose message tells users what to do: another attempt would end the same way. */
const EXPLAINED = new Set([
  'ServiceError',
  'EnvironmentError',
  'HistoryError',
  'ModelError',
  'HubError',
  'PolicyError',
  'GrpoError',
]);
/** Where another attempt may go well. */
const PASSING = new Set(['worker_failed', 'run_failed']);

/**
 * @param hidden a folder whose place on this machine concerns nobody
 * @returns undefined for what is no user's doing and may go well another time
 */
export function finalReason(error: unknown, hidden: string): string | undefined {
  const { name, code, message } = error as Error & { readonly code?: string };
  if (isDiskFull(error))
    return 'The disk of the server is full. Free some space and resume the job; nothing that was saved is lost.';
  if (code !== undefined && PASSING.has(code)) return undefined;
  if (EXPLAINED.has(name) || (name === 'RuntimeError' && code === 'device_missing'))
    return message.replaceAll(`${hidden}/models/`, '').replaceAll(hidden, 'the data folder');
  return undefined;
}

function isDiskFull(error: unknown): boolean {
  for (let each = error; each instanceof Error; each = each.cause)
    if ((each as NodeJS.ErrnoException).code === 'ENOSPC') return true;
  return false;
}
