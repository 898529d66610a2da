// What can go wrong while learning. The command line turns the codes into exit codes, a server into HTTP statuses.

import { LudicError } from '@ludic/io';

/**
 * What ended a run or refused to begin one.
 * - bad_setting: a setting, or several together, cannot be used
 * - too_large: the run needs more memory than the process may have
 * - not_finite: a gradient overflowed; the weights are those from before the update
 * - disagreement: log π of the trainer differs from the sampler's on fresh data by more than rounding
 * - collapsed: a watchdog stopped the run; `trainRun` returns that as a result, and a server fails the job with this
 *   code
 * - bad_checkpoint: a checkpoint, or its optimizer state, is damaged or another model's
 * - run_exists, no_run: the place holds files already, or no run that can be read
 * - run_busy: another process works on the run
 * - worker_failed: the process of a shard died again and again
 * - bad_plugin: a function of the user gave what cannot be used, or a run is resumed without one that it had
 * - game_stuck: a game did not come back from a call
 */
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
  | 'bad_plugin'
  | 'game_stuck';

/** @throws GrpoError `bad_setting` where the value is not as the phrase `what` says */
export function needSetting(name: string, value: unknown, what: string, right: boolean): void {
  if (!right) throw new GrpoError('bad_setting', `${name} is ${value}; it must be ${what}.`);
}

/** A failure of settings, of a run or of its checkpoints. The message is a sentence that says what to do next. */
export class GrpoError extends LudicError<GrpoErrorCode> {
  override readonly name = 'GrpoError';
}
