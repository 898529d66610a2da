// The one error class of this package: a code for programs, a sentence for people.

import { LudicError } from '@ludic/io';

/** What is wrong, for programs. */
export type EnvironmentErrorCode =
  | 'unknown_environment'
  | 'bad_config'
  | 'bad_definition'
  | 'bad_seed'
  | 'bad_opponent'
  /** A game threw, or returned what is no observation or step. */
  | 'bad_game'
  | 'episode_over';

/** A game, or a use of it, that is wrong. The message says what to change. */
export class EnvironmentError extends LudicError<EnvironmentErrorCode> {
  override readonly name = 'EnvironmentError';
}
