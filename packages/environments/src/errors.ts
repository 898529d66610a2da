// The one error class of this package: a code for programs, a sentence for people.

export type EnvironmentErrorCode =
  | 'unknown_environment'
  | 'bad_config'
  | 'bad_definition'
  | 'bad_seed'
  | 'bad_opponent'
  | 'episode_over';

export class EnvironmentError extends Error {
  override readonly name = 'EnvironmentError';
  readonly code: EnvironmentErrorCode;

  constructor(code: EnvironmentErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}
