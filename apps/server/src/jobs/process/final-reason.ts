// Why a job cannot succeed, in a sentence for its owner.

import { isExplained } from '@ludic/io';

/** Another attempt may succeed. */
const PASSING = new Set(['worker_failed', 'run_failed', 'device_lost', 'bad_graph', 'fault']);

/**
 * @param hidden a folder whose path is not shown
 * @returns undefined where the user is not the cause and another attempt may succeed
 */
export function finalReason(error: unknown, hidden: string): string | undefined {
  if (isDiskFull(error))
    return 'The disk of the server is full. Free some space and resume the job; nothing that was saved is lost.';
  // After an explained error another attempt would fail in the same way.
  if (!isExplained(error) || PASSING.has(error.code)) return undefined;
  return error.message.replaceAll(`${hidden}/models/`, '').replaceAll(hidden, 'the data folder');
}

function isDiskFull(error: unknown): boolean {
  for (let each = error; each instanceof Error; each = each.cause)
    if ((each as NodeJS.ErrnoException).code === 'ENOSPC') return true;
  return false;
}
