// The one error class of this package: a code for programs, a sentence for people.

export type EnvironmentErrorCode =
  | 'unknown_environment'
  | 'bad_config'
  | 'bad_definition'
  | 'bad_seed'
  | 'bad_opponent'
  /** A game threw, or returned what is no observation or step. */
  | 'bad_game'
  | 'episode_over';

export class EnvironmentError extends Error {
  override readonly name = 'EnvironmentError';
  readonly code: EnvironmentErrorCode;

  constructor(code: EnvironmentErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
