// What the policy sees: the strategies, and the fixed lines that they add to an environment's own texts.

export {
  type BuiltInHistory,
  type EpisodeSoFar,
  HISTORY_STRATEGIES,
  type HistoryFunction,
  type HistoryStrategy,
  type Message,
  type PastTurn,
} from './contract.ts';
export { HistoryError, type HistoryErrorCode } from './errors.ts';
export { registerHistory } from './own-strategies.ts';
export { currentScratchpad, readScratchpad } from './scratchpad.ts';
export { buildMessages, HISTORY_TEXTS, historyNames, parseHistoryStrategy } from './strategies.ts';
