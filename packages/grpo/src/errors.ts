// What can go wrong while learning. The command line turns the codes into exit codes, a server into HTTP statuses.

import { LudicError } from '@ludic/io';

export type GrpoErrorCode =
  | 'bad_setting'
  | 'too_large'
  | 'not_finite'
  | 'disagreement'
  | 'collapsed'
  | 'bad_checkpoint'
  | 'run_exists'
  | 'run_busy'
  | 'no_run'
  | 'worker_failed'
  /** A game did not come back from a call. */
  | 'game_stuck';

export class GrpoError extends LudicError<GrpoErrorCode> {
  override readonly name = 'GrpoError';
}
