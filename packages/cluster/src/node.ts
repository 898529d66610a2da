// Entry `@ludic/cluster/node`: the shards of a run for workers of other machines, and such a worker, over NATS.

export { ClusterError, type ClusterErrorCode } from './errors.ts';
export { type NatsOptions, natsOptions } from './node/connection.ts';
export { type ClusterOptions, natsShards } from './node/coordinator.ts';
export { runWorker, type WorkerRunOptions } from './node/worker.ts';
