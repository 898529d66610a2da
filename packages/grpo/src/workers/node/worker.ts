// A process that plays shards and finds their gradients, started by worker-process.ts. It keeps nothing that another
// worker could not have: weights, tasks and samples come with the messages.

import { limitAnswers } from '@ludic/environments';
import { loadGameFile, watchThread } from '@ludic/environments/node';
import { trainedParameters } from '@ludic/inference/internal';
import { answerRequests } from '@ludic/io';
import { ipcChannel } from '@ludic/io/node';
import { readAdapter, readCheckpoint } from '@ludic/models';
import { openAdapterFolder, openModelFolder } from '@ludic/models/node';
import { float32, floats } from '@ludic/runtime';
import { createRuntime } from '@ludic/runtime/node';
import { loadPlugin } from '../../plugins/node/plugin-files.ts';
import type { Learner } from '../../trainer/learner.ts';
import { openTrained } from '../../trainer/open-trained.ts';
import { LocalShards, learnerOf } from '../local-shards.ts';
import {
  type FromWorker,
  LAST_WORDS,
  type SentTensor,
  type ToWorker,
  type WorkerCalls,
  type WorkerSetup,
} from './worker-protocol.ts';

interface ShardWork {
  readonly shards: LocalShards;
  readonly learner: Learner;
  readonly setWeight: (tensor: SentTensor) => Promise<void>;
}
let work: Promise<ShardWork> | undefined;
/** Rejected for good where a weight does not fit: the worker must not go on with what it has. */
let weights: Promise<void> = Promise.resolve();

async function open({
  model: folder,
  reference,
  games = [],
  plugins = [],
  settings,
  runtime,
  stepTimeoutSeconds = 0,
}: WorkerSetup): Promise<ShardWork> {
  if (stepTimeoutSeconds > 0) watchThread({ timeoutSeconds: stepTimeoutSeconds, report: LAST_WORDS });
  else limitAnswers(0);
  for (const { path, program } of games) await loadGameFile(path, program);
  for (const { path, program } of plugins) await loadPlugin(path, program);
  const model = await openTrained(await openModelFolder(folder), settings, await createRuntime(runtime));
  // Where nothing else is named, the reference is the first model, which has learned the format where there was a warm start.
  if (model.adapter && settings.warmStart !== undefined) {
    const { parameters } = await readAdapter(await openAdapterFolder(folder), model.config);
    await model.adapter.parameters.set(parameters);
  }
  const trained = trainedParameters(model);
  const given =
    reference === undefined ? undefined : await readCheckpoint(await openModelFolder(reference), settings.baseBits);
  return {
    shards: await LocalShards.create(model, settings, given?.parameters),
    learner: learnerOf(model, settings),
    setWeight: ({ name, dims, data }) => trained.set({ [name]: float32(data, dims) }),
  };
}

async function ready(): Promise<ShardWork> {
  await weights;
  return work!;
}

const peakMemory = (): number => process.resourceUsage().maxRSS * 1024;

const channel = ipcChannel<FromWorker, ToWorker>(process);
const hear = answerRequests<WorkerCalls>(channel.send, {
  start: () => {},
  open: async ({ setup }) => {
    work = open(setup);
    await work;
  },
  play: async ({ task }) => {
    const { shards } = await ready();
    const [shard] = await shards.play([task]);
    return { shard: shard!, peakMemory: peakMemory() };
  },
  learn: async ({ task }, { report }) => {
    const { shards, learner } = await ready();
    learner.gradients.clear();
    const [shard] = await shards.learn([task], learner);
    for (const [name, tensor] of Object.entries(await learner.gradients.download()))
      await report({ name, dims: tensor.dims, data: floats(tensor) });
    return { shard: shard!, peakMemory: peakMemory() };
  },
});
channel.listen((message) => {
  if (message.type !== 'weight') return hear(message);
  weights = ready().then(({ setWeight }) => setWeight(message.tensor));
  // The next request tells of it.
  weights.catch(() => {});
});
// Whatever ends the run ends its workers; Ctrl-C is for the run alone, which saves before it goes.
process.on('disconnect', () => process.exit());
process.on('SIGINT', () => {});
process.on('SIGTERM', () => {});
if (!process.connected) process.exit(1);
