// Text games: the contract, the registry, the two built-in games, and what a user needs to add one.

export { boardOf } from './board.ts';
export { CheckedGame, reasonOf, rulesOf, watchedPlayer } from './checked-game.ts';
export { type ConfigOf, type ConfigProperties, resolveConfig } from './config.ts';
export type {
  Awaitable,
  Board,
  BoardCell,
  ConfigSchema,
  Environment,
  EnvironmentDefinition,
  Expert,
  Facts,
  PropertySchema,
  ReplyMade,
  ResetOptions,
  Split,
  Step,
  StepInfo,
  SyncEnvironment,
  SyncEnvironmentDefinition,
} from './contract.ts';
export { type AsyncRules, defineEnvironment, type Move, type OtherSide, type Rules } from './define-environment.ts';
export { defineTask, type TaskState } from './define-task.ts';
export { EnvironmentError, type EnvironmentErrorCode } from './errors.ts';
export { PACKAGES_OF_GAMES, PACKAGES_SYMBOL } from './for-games.ts';
export { keyDoor } from './key-door/key-door.ts';
export {
  ACTIONS as KEY_DOOR_ACTIONS,
  isVisited,
  type KeyDoorAction,
  type KeyDoorState,
  type Seen,
  seenPart,
} from './key-door/state.ts';
export { environmentIds, environments, findEnvironment, registerEnvironment } from './registry.ts';
export { tagReader } from './tags.ts';
export { winningCells } from './tic-tac-toe/board.ts';
export type { TicTacToeState } from './tic-tac-toe/state.ts';
export { ticTacToe } from './tic-tac-toe/tic-tac-toe.ts';
export {
  type GameCall,
  limitAnswers,
  stuckGame,
} from './watch.ts';
