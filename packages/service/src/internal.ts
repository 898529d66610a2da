// For the apps of this repository alone: it may change without notice.

export { badChatRequest, badRequest } from './contract/errors.ts';
export { modelName } from './contract/model-name.ts';
export { openaiError, openaiErrorAnswer, openaiStatus } from './contract/openai-errors.ts';
export { type CompletePlaying, completePlaying, playedGame, playingDifference } from './contract/playing.ts';
export { completeTraining, contractFields } from './contract/training.ts';
export { rolloutSummary, trajectoryOf } from './contract/trajectory.ts';
