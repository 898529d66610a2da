// Entry `@ludic/grpo/internal-node`: one worker as a process of this machine, for those that bring it its tasks from elsewhere.

export type { ElsewhereOptions } from '../../run/node/run-training.ts';
export type { SharedUpdates } from '../../run/run-options.ts';
export { openTrained } from '../../trainer/open-trained.ts';
export type { HostTensors } from '../local-shards.ts';
export { addedInOrder } from '../shards.ts';
export { WorkerGone, WorkerProcess } from './worker-process.ts';
export type { WorkerCalls, WorkerSetup } from './worker-protocol.ts';
