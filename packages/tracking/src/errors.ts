// Errors of tracking. None of them stops a run, and no message holds a key.

import { LudicError } from '@ludic/io';

/** Codes of tracking's errors. */
export type TrackingErrorCode =
  | 'bad_setting'
  | 'not_tracked'
  | 'no_key'
  | 'bad_key'
  | 'deleted'
  | 'refused'
  | 'unreachable'
  | 'bad_answer'
  | 'bad_folder';

/** What keeps a run from being tracked, as a sentence without a key. */
export class TrackingError extends LudicError<TrackingErrorCode> {
  override readonly name = 'TrackingError';
}
