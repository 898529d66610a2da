export { type Lock, takeLock } from './node/lock.ts';
export { peakMemory, processMemory } from './node/process-memory.ts';
export { RunFolder } from './node/run-folder.ts';
export { holdRun } from './node/run-lock.ts';
export { type RunOptions, runTraining, STEP_TIMEOUT, type WorkerOptions } from './node/run-training.ts';
export { WorkerPool, type WorkerPoolOptions } from './node/worker-pool.ts';
export type { ProcessMemory, RunResult } from './run.ts';
export type { RunEvent, RunStart, WorkerEvent } from './run-events.ts';
export type { Best, RunConfig, SavedState } from './stored-run.ts';
