// Entry `@ludic/grpo/node`: runs in folders of this machine, one process at a time at each, their updates shared by workers.

export { loadPlugin, type PluginFile, pluginFiles } from './plugins/node/plugin-files.ts';
export { hasOnlyBegun, holdRun, RunFolder } from './run/node/run-folder.ts';
export {
  peakMemory,
  processMemory,
  type RunOptions,
  runTraining,
  STEP_TIMEOUT,
  type WorkerOptions,
} from './run/node/run-training.ts';
export type { ProcessMemory, RunEvent, RunResult, RunStart, WorkerEvent } from './run/run-options.ts';
export type { Best, RunConfig } from './run/stored-run.ts';
