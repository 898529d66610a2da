// Training by the names of models that the command line takes.

import type { RunStart } from '@ludic/grpo';
import { type RunOptions, type RunResult, runTraining as runInFolder } from '@ludic/grpo/node';
import { openModel } from './open-model.ts';

/**
 * A whole run in a folder. A new one starts from `nano`, a folder, or a model of the Hub, as `openModel` takes them.
 * @throws GrpoError, `run_busy` where another process works on the run; ModelError, HubError
 */
export const runTraining = (start: RunStart, options: RunOptions): Promise<RunResult> =>
  runInFolder(start, { ...options, openFiles: options.openFiles ?? openModel });
