// The one error class of this package: a code for programs, a sentence for people.

export type HistoryErrorCode = 'unknown_strategy';

export class HistoryError extends Error {
  override readonly name = 'HistoryError';
  readonly code: HistoryErrorCode;

  constructor(code: HistoryErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}
