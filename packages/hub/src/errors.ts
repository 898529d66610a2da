// What can go wrong between here and the Hub. Every message says what to do next.

import { LudicError } from '@ludic/io';

/**
 * Why a model could not be fetched or sent.
 * - bad_reference: HF_ENDPOINT is no web address
 * - no_token: an upload without a token
 * - unauthorized, gated, forbidden: the Hub wants a token (401), its terms accepted, or a token with other rights (403)
 * - repository_not_found, revision_not_found, entry_not_found: there is no such model, branch or file, or the token may
 *   not see it
 * - offline: the Hub cannot be reached, or HF_HUB_OFFLINE forbids it
 * - rate_limited: too many requests (429)
 * - server_fault: the Hub failed (5xx) at every attempt
 * - cut_off: the connection broke or fell silent at every attempt; what has arrived is kept
 * - refused: any other status
 * - bad_answer: the host does not answer as the Hub does
 * - bad_checksum: a file arrived with other bytes than the Hub promised, and was removed
 * - disk_full, cache_unusable: the folder of the cache has no room, or cannot be written to
 */
export type HubErrorCode =
  | 'bad_reference'
  | 'no_token'
  | 'unauthorized'
  | 'gated'
  | 'forbidden'
  | 'repository_not_found'
  | 'revision_not_found'
  | 'entry_not_found'
  | 'offline'
  | 'rate_limited'
  | 'server_fault'
  | 'cut_off'
  | 'refused'
  | 'bad_answer'
  | 'bad_checksum'
  | 'disk_full'
  | 'cache_unusable';

/** A failure between this machine and the Hub. The message is a sentence that says what to do next. */
export class HubError extends LudicError<HubErrorCode> {
  override readonly name = 'HubError';
  /** HTTP status of the answer that said so. */
  readonly status: number | undefined;
  constructor(code: HubErrorCode, message: string, options: ErrorOptions & { readonly status?: number } = {}) {
    super(code, message, options);
    this.status = options.status;
  }
}

/** An error of the file system while the cache was used, in words. */
export function fileError(error: unknown, path: string): HubError {
  if (error instanceof HubError) return error;
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new HubError(
      'disk_full',
      `The disk of ${path} is full. Free some space, or set HF_HOME to a folder on another disk, and run the same command again: what has arrived is kept.`,
      { cause: error },
    );
  }
  return new HubError(
    'cache_unusable',
    `${path} cannot be used: ${message}. Set HF_HOME to a folder that you may write to.`,
    {
      cause: error,
    },
  );
}
