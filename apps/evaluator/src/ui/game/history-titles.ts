// What a policy sees of a game, in the words of the page.

import type { HistoryStrategy } from '@ludic/history';

/** Each completes the sentence "the policy sees …". */
export const HISTORY_TITLES: Readonly<Record<HistoryStrategy, string>> = {
  NO_HISTORY: 'the present moment',
  FULL_HISTORY: 'the whole conversation',
  SCRATCHPAD: 'its own notes',
  OPTIMAL_SCRATCHPAD: 'perfect notes',
};
