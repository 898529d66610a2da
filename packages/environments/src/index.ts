// Text games: the contract, the registry, the two built-in games, and what a user needs to add one.

export { type ConfigOf, type ConfigProperties, resolveConfig } from './config.ts';
export type {
  ConfigSchema,
  Environment,
  EnvironmentDefinition,
  Expert,
  PropertySchema,
  ResetOptions,
  Step,
  StepInfo,
} from './contract.ts';
export { defineEnvironment, LIMIT_NOTE, type Move, type Rules } from './define.ts';
export { EnvironmentError, type EnvironmentErrorCode } from './errors.ts';
export { type KeyDoorConfig, keyDoor } from './key-door/key-door.ts';
export type { KeyDoorState } from './key-door/state.ts';
export { environmentIds, environments, findEnvironment, registerEnvironment } from './registry.ts';
export { tagReader } from './tags.ts';
export type { TicTacToeConfig } from './tic-tac-toe/settings.ts';
export type { TicTacToeState } from './tic-tac-toe/state.ts';
export { ticTacToe } from './tic-tac-toe/tic-tac-toe.ts';
