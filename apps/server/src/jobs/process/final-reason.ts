// Why a job cannot succeed, in a sentence for whoever asked for it.

import { isExplained } from '@ludic/io';

/** Where another attempt may go well. */
const PASSING = new Set(['worker_failed', 'run_failed', 'device_lost', 'bad_graph']);

/**
 * @param hidden a folder whose place on this machine concerns nobody
 * @returns undefined for what is no user's doing and may go well another time
 */
export function finalReason(error: unknown, hidden: string): string | undefined {
  if (isDiskFull(error))
    return 'The disk of the server is full. Free some space and resume the job; nothing that was saved is lost.';
  // Another attempt at what is explained would end the same way.
  if (!isExplained(error) || PASSING.has(error.code)) return undefined;
  return error.message.replaceAll(`${hidden}/models/`, '').replaceAll(hidden, 'the data folder');
}

function isDiskFull(error: unknown): boolean {
  for (let each = error; each instanceof Error; each = each.cause)
    if ((each as NodeJS.ErrnoException).code === 'ENOSPC') return true;
  return false;
}
