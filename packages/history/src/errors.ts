// The one error class of this package: a code for programs, a sentence for people.

import { LudicError } from '@ludic/io';

export type HistoryErrorCode = 'unknown_strategy';

export class HistoryError extends LudicError<HistoryErrorCode> {
  override readonly name = 'HistoryError';
}
