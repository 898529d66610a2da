// The one error class of this package: a code for programs, a sentence for people.

import { LudicError } from '@ludic/io';

/** What is wrong, for programs; `bad_strategy`: a function that was registered gives what is no prompt. */
export type HistoryErrorCode = 'unknown_strategy' | 'bad_strategy';

/** A history that cannot be built. The message says what to change. */
export class HistoryError extends LudicError<HistoryErrorCode> {
  override readonly name = 'HistoryError';
}
