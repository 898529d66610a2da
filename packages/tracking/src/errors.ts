// What can go wrong while a run is told to others. None of it ever stops the run itself. No message holds a key.

import { LudicError } from '@ludic/io';

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

export class TrackingError extends LudicError<TrackingErrorCode> {
  override readonly name = 'TrackingError';
}
