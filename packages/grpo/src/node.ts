export { peakMemory, processMemory } from './node/process-memory.ts';
export {
  type ProcessMemory,
  type RunEvent,
  type RunOptions,
  type RunResult,
  type RunStart,
  runTraining,
} from './run.ts';
export { type Best, type RunConfig, RunFolder, type SavedState } from './run-folder.ts';
