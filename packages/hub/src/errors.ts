// What can go wrong between here and the Hub. Every message says what to do next.

import { LudicError } from '@ludic/io';

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
