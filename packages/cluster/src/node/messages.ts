// What coordinator and workers tell each other, as schemas: what is not of them is refused. Questions and answers are those
// that a run asks its local workers (`WorkerCalls` in @ludic/grpo); here they have heads, and large ones come in pieces.

import type { LearnedShard, LearnTask, PlayedShard } from '@ludic/grpo';
import { DEVICES } from '@ludic/runtime';
import { z } from 'zod';
import { PROTOCOL } from './names.ts';

const natural = z.int().min(0);
const real = z.custom<number>((value) => typeof value === 'number', 'a number is expected');
const ints = z.instanceof(Int32Array);
const floats = z.instanceof(Float32Array);
const bytes: z.ZodType<Uint8Array> = z.instanceof(Uint8Array);
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const word = z.string().min(1).max(200);
const head = { protocol: z.literal(PROTOCOL) };

const shard = z.strictObject({ index: natural, firstGroup: natural, groups: z.int().min(1) });
const question = { shard, step: z.int().min(1) };

/** A task as it lies in the queue. Whatever is large is named by its hash. */
export const taskSchema = z.strictObject({
  ...head,
  run: z.string().regex(/^[\w-]{1,64}$/),
  /** Names the task among all of its run, in each start of it anew. */
  id: word,
  /** What the worker opens. */
  setup: sha256,
  weights: sha256,
  question: z.discriminatedUnion('type', [
    z.strictObject({ type: z.literal('play'), ...question }),
    z.strictObject({
      type: z.literal('learn'),
      ...question,
      iteration: natural,
      coefficients: z.strictObject({ beta: real, entropyCoefficient: real }),
      samples: sha256,
    }),
  ]),
});
export type ClusterTask = z.infer<typeof taskSchema>;

/** The samples of a shard, stored by themselves: later passes over the batch ask for them again. */
export const samplesSchema: z.ZodType<LearnTask['samples']> = z.array(
  z.strictObject({
    prompt: ints,
    completion: ints,
    oldLogprobs: floats,
    trainerLogprobs: floats.optional(),
    referenceLogprobs: floats.optional(),
    advantage: real,
    weight: real,
  }),
) as never;

const file = z.strictObject({
  /** Nothing that leads out of its folder. */
  name: z.string().regex(/^\w[\w.-]{0,200}$/),
  sha256,
  size: natural,
});

/** What a worker makes its model and its policy of: `WorkerSetup` of local workers, without paths. */
export const setupSchema = z.strictObject({
  ...head,
  /** As config.json has them. */
  settings: z.record(z.string(), z.unknown()),
  model: z.array(file).max(1000),
  reference: z.array(file).max(1000).optional(),
  /** The game where that is in a file of its own, which the worker must have been given. */
  game: z.strictObject({ id: word, sha256 }).optional(),
  /** Histories and losses of the user, which the worker must have been given as well. */
  plugins: z.array(z.strictObject({ kind: word, name: word, sha256 })).max(100),
  runtime: z.strictObject({
    device: z.enum([...DEVICES, 'auto']).optional(),
    float16: z.boolean().optional(),
    threads: z.int().min(1).max(4096).optional(),
  }),
  stepTimeoutSeconds: z.number().min(0).optional(),
  /** A process that has not answered for so long is started again. */
  timeoutSeconds: z.number().min(1),
});
export type ClusterSetup = z.infer<typeof setupSchema>;
export type StoredFile = z.infer<typeof file>;

const error = z.strictObject({
  name: word,
  code: word.optional(),
  message: z.string().max(20_000),
  explained: z.boolean(),
  stack: z.string().max(20_000).optional(),
});

/** Bytes of something that is longer than a message: of the gradient of a parameter, or of the answer itself (`''`). */
const piece = z.strictObject({ of: z.string().max(1000), at: natural, bytes });
export type Piece = z.infer<typeof piece>;

/** What a worker says of a task. */
export const reportSchema = z.strictObject({
  ...head,
  task: word,
  worker: z.strictObject({ id: word, host: word, pid: natural }),
  /** How often the task had been handed out when this worker got it. */
  delivery: z.int().min(1),
  body: z.discriminatedUnion('type', [
    z.strictObject({ type: z.literal('taken') }),
    z.strictObject({ type: z.literal('part'), pieces: z.array(piece).max(10_000) }),
    /** Behind all parts: what they are put together to. Gradients by parameter, none where there was nothing to learn from. */
    z.strictObject({ type: z.literal('answer'), size: natural, gradients: z.record(z.string(), z.array(natural)) }),
    z.strictObject({ type: z.literal('failure'), error }),
    /** It leaves the task to others, and says why. */
    z.strictObject({ type: z.literal('left'), reason: z.string().max(2000) }),
  ]),
});
export type WorkerReport = z.infer<typeof reportSchema>;

const generation = z.looseObject({
  text: z.string(),
  finish: z.string(),
  tokens: z.looseObject({ prompt: ints, completion: ints, logprobs: floats }).optional(),
});
const turn = z.looseObject({
  prompt: z.array(z.looseObject({ role: z.string(), content: z.string() })),
  observation: z.string(),
  reply: generation,
  reward: real,
  info: z.looseObject({ invalid: z.boolean() }),
});
const episode = z.looseObject({
  seed: real,
  dynamicsSeed: real,
  turns: z.array(turn),
  reward: real,
  endReason: z.enum(['terminated', 'truncated', 'context_full', 'failed']),
  finalObservation: z.string(),
});

export const playedSchema: z.ZodType<PlayedShard> = z.strictObject({
  episodes: z.array(episode),
  zeroVarianceGroups: natural,
  resampledGroups: natural,
}) as never;

const numbers = z.union([floats, ints, z.instanceof(Float64Array)]);
export const learnedSchema: z.ZodType<LearnedShard> = z.strictObject({
  loss: real,
  tokens: z.strictObject({
    logprobs: numbers,
    oldLogprobs: numbers,
    referenceLogprobs: numbers,
    advantages: numbers,
    sequenceOf: numbers,
    sequences: natural,
  }),
}) as never;
