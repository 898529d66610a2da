export { peakMemory, processMemory } from './node/process-memory.ts';
export { type WorkerEvent, WorkerPool, type WorkerPoolOptions } from './node/worker-pool.ts';
export {
  type ProcessMemory,
  type RunEvent,
  type RunOptions,
  type RunResult,
  type RunStart,
  runTraining,
  type WorkerOptions,
} from './run.ts';
export { type Best, type RunConfig, RunFolder, type SavedState } from './run-folder.ts';
