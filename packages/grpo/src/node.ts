export { type Best, type RunConfig, RunFolder, type SavedState } from './run-folder.ts';
export { type RunEvent, type RunOptions, type RunResult, type RunStart, runTraining } from './run.ts';
