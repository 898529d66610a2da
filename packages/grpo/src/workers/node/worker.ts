// A process that plays shards and finds their gradients, started by worker-process.ts. It keeps nothing that another
// worker could not have: weights, tasks and samples come with the messages.

import { watchThread } from '@ludic/environments/node';
import { trainedParameters } from '@ludic/inference/internal';
import { serializeError } from '@ludic/io';
import { readAdapter } from '@ludic/models';
import { openAdapterFolder, openModelFolder } from '@ludic/models/node';
import { float32, floats } from '@ludic/runtime';
import { createRuntime } from '@ludic/runtime/node';
import type { Learner } from '../../trainer/learner.ts';
import { openTrained } from '../../trainer/open-trained.ts';
import { LocalShards, learnerOf } from '../local-shards.ts';
import { type FromWorker, LAST_WORDS, type SentTensor, type ToWorker, type WorkerSetup } from './worker-protocol.ts';

interface ShardWork {
  readonly shards: LocalShards;
  readonly learner: Learner;
  readonly setWeight: (tensor: SentTensor) => Promise<void>;
}
let work: Promise<ShardWork> | undefined;

async function open({ model: folder, settings, runtime, stepTimeoutSeconds = 0 }: WorkerSetup): Promise<ShardWork> {
  if (stepTimeoutSeconds > 0) watchThread({ timeoutSeconds: stepTimeoutSeconds, report: LAST_WORDS });
  const model = await openTrained(await openModelFolder(folder), settings, await createRuntime(runtime));
  // The reference is the first model, which has learned the format where there was a warm start.
  if (model.adapter && settings.warmStart !== undefined) {
    const { parameters } = await readAdapter(await openAdapterFolder(folder), model.config);
    await model.adapter.parameters.set(parameters);
  }
  const trained = trainedParameters(model);
  return {
    shards: await LocalShards.create(model, settings),
    learner: learnerOf(model, settings),
    setWeight: ({ name, dims, data }) => trained.set({ [name]: float32(data, dims) }),
  };
}

async function answer(message: ToWorker): Promise<FromWorker | undefined> {
  if (message.kind === 'open') {
    work = open(message.setup);
    await work;
    return { kind: 'opened' };
  }
  const { shards, learner, setWeight } = await work!;
  switch (message.kind) {
    case 'weight':
      await setWeight(message.tensor);
      return undefined;
    case 'play': {
      const [shard] = await shards.play([message.task]);
      return { kind: 'played', shard: shard!, peakMemory: peakMemory() };
    }
    case 'learn': {
      learner.clearGradients();
      const [shard] = await shards.learn([message.task], learner);
      for (const [name, tensor] of Object.entries(await learner.gradientSums())) {
        await send({ kind: 'gradient', tensor: { name, dims: tensor.dims, data: floats(tensor) } });
      }
      return { kind: 'learned', shard: shard!, peakMemory: peakMemory() };
    }
    default:
      return message satisfies never;
  }
}

const peakMemory = (): number => process.resourceUsage().maxRSS * 1024;

/** Done when the message is on its way: so no more than one tensor waits. */
const send = (message: FromWorker): Promise<void> =>
  new Promise((resolve) => {
    process.send!(message, undefined, undefined, (error: Error | null) => {
      // The run is gone.
      if (error) process.exit(1);
      resolve();
    });
  });

async function handle(message: ToWorker): Promise<void> {
  try {
    const reply = await answer(message);
    if (reply) await send(reply);
  } catch (error) {
    await send({ kind: 'failed', error: serializeError(error) });
  }
}

let last: Promise<void> = Promise.resolve();
process.on('message', (message: ToWorker) => {
  last = last.then(() => handle(message));
});
// Whatever ends the run ends its workers; Ctrl-C is for the run alone, which saves before it goes.
process.on('disconnect', () => process.exit());
process.on('SIGINT', () => {});
process.on('SIGTERM', () => {});
if (process.connected) await send({ kind: 'ready' });
else process.exit(1);
