// How much memory a run needs, before it begins: a sum over what is in memory at once, from shapes alone. Numbers are
// float32 everywhere.

import { BLOCK_SIZE } from '@ludic/graph/internal';
import { SLOTS_PER_RUN, TREE_CAPACITY } from '@ludic/inference/internal';
import { everyLinearLayer, loraShapes, type ModelConfig, tensorsOf } from '@ludic/models';
import { activationsPerToken, blockWeights } from '@ludic/models/internal';
import { mostLogitPositions } from '../batching/samples.ts';
import type { TrainSettings } from '../settings/train-settings.ts';

/** What the prompts of a run are like. */
export interface PromptShape {
  /** Tokens of the longest prompt. */
  readonly longest: number;
  /** Tokens that all prompts begin with. */
  readonly shared: number;
  /** Turns of an episode. */
  readonly turns: number;
}

/** In bytes. */
export interface MemoryEstimate {
  readonly weights: number;
  /** A copy of the first model, for the KL term of a run that trains the whole model. */
  readonly reference: number;
  readonly adapter: number;
  readonly gradients: number;
  /** AdamW's. */
  readonly moments: number;
  /** What updates need on the way, and the copies that the binding to the runtime makes of all results. */
  readonly copies: number;
  /** What the gradient graph keeps of the layers for a micro-batch. */
  readonly activations: number;
  /** The table of logits of a micro-batch, with what is made of it. */
  readonly logits: number;
  /** Keys, values and activations of the rollouts, and the distributions that were drawn from. */
  readonly sampling: number;
  /** The program itself, its libraries and graphs. */
  readonly program: number;
  readonly total: number;
}

const FLOAT = 4;
const MB = 1e6;
/** Node and ONNX Runtime. */
const PROGRAM = 120 * MB;
/** Graphs of one layer in all sessions, measured; more with an adapter's parameters. */
const LAYER_GRAPHS = 2.5 * MB;
/** ONNX Runtime's arena holds more than what is live. */
const ARENA = 1.15;
/** Tensors as large as the largest parameter that its gradient and its update make on the way. */
const UPDATE_TENSORS = 8;
/** Tables of logits that exist at once: the logits, what they were scaled from, the softmax, the gradient. */
const TABLES = 4;
/** Micro-batches whose replies share prompts and those whose do not have graphs of their own, with memory of their own. */
const GRAPHS = 2;
/** Meeting the same shapes again, as in a second pass over a batch, the arena grows where layers are kept: measured. */
const REPEATED = 1.6;
/** Bytes of one number of a distribution of the sampler. */
const DISTRIBUTION = 12;

/**
 * @param workers processes that share an update; above 1 they are beside the one that holds the optimizer
 * @param hasOtherReference the reference policy is not the model that the run starts from
 */
export function estimateMemory(
  config: ModelConfig,
  settings: TrainSettings,
  prompts: PromptShape,
  workers = 1,
  hasOtherReference = false,
): MemoryEstimate {
  const { lora, loss, groupSize, shards, maxCompletionLength } = settings;
  // Episodes of the largest shard: they are played and learned from at once.
  const batchSize = groupSize * Math.ceil(settings.batchSize / groupSize / shards);
  const count = (shapes: Iterable<readonly number[]>) =>
    Array.from(shapes, (shape) => shape.reduce((a, b) => a * b, 1)).reduce((a, b) => a + b, 0);
  const weights = weightBytes(config, settings);
  const targets = lora && (lora.targets.length > 0 ? lora.targets : everyLinearLayer(config));
  const adapter = lora ? FLOAT * count(loraShapes(config, { ...lora, targets: targets! }).values()) : 0;
  const trained = lora ? adapter : weights;
  const largest = lora ? 0 : FLOAT * Math.max(...Array.from(tensorsOf(config).values(), ({ shape }) => count([shape])));

  const row = prompts.longest + maxCompletionLength;
  const own = row - prompts.shared;
  const choices = Math.max(1, Math.floor(mostLogitPositions(config.vocabSize) / maxCompletionLength));
  const rows = Math.min(batchSize * prompts.turns, Math.max(1, Math.floor(settings.tokenBudget / row)), choices);
  const tokens = prompts.shared + rows * own;
  // Scores of each token against what it may see, and inside the shared beginning.
  const scores = config.heads * (rows * own * row + prompts.shared ** 2);
  const layer = FLOAT * (tokens * activationsPerToken(config, lora?.rank ?? 0) + scores);
  const inputs = FLOAT * tokens * config.hiddenSize * config.layers;
  // Recomputed: what goes into each layer, and one layer with its gradients.
  const kept = settings.gradientCheckpointing ? inputs + 3 * layer : (config.layers + 2) * layer;
  const batches = Math.ceil((batchSize * prompts.turns) / rows);
  const repeats = settings.numIterations > 1 && !settings.gradientCheckpointing ? REPEATED : 1;
  const working = ARENA * (batches > 1 ? GRAPHS : 1) * repeats;
  const points = Math.min(rows * maxCompletionLength, tokens);

  const games = Math.min(batchSize, Math.max(1, Math.floor(SLOTS_PER_RUN / row)));
  const keys = FLOAT * 2 * config.layers * config.kvHeads * config.headDim;
  const room = 1.1 * (own + 8);
  // Once in the sampler, once as they come in, once where rows are gathered anew.
  const cache = 3 * batchSize * room * keys;
  const prefill = games * own * (FLOAT * 2 * (config.hiddenSize + 2 * config.intermediateSize) + keys);
  const distributions =
    DISTRIBUTION * Math.min(TREE_CAPACITY, batchSize * prompts.turns * maxCompletionLength * config.vocabSize);
  const fresh = (DISTRIBUTION + 2 * FLOAT) * batchSize * config.vocabSize;

  const processes = workers > 1 ? workers + 1 : 1;
  // The total of several shards; and each worker's own sum, which is once on its way or waits for those before it.
  const sums = shards === 1 ? 1 : workers === 1 ? 2 : 2 * workers + 1;
  const parts = {
    weights: processes * weights,
    reference: loss.beta > 0 && (!lora || hasOtherReference) ? workers * weights : 0,
    adapter: processes * adapter,
    gradients: sums * trained,
    moments: 2 * trained,
    copies: processes * (trained + UPDATE_TENSORS * largest),
    activations: workers * working * kept,
    logits: workers * working * TABLES * FLOAT * points * config.vocabSize,
    sampling: workers * (cache + ARENA * prefill + distributions + fresh),
    program: processes * (PROGRAM + (lora ? 2 : 1) * LAYER_GRAPHS * config.layers),
  };
  return { ...parts, total: Object.values(parts).reduce((a, b) => a + b, 0) };
}

/** Scales of a block, and what ONNX Runtime adds to one that it has packed. */
const BLOCK_EXTRA = { kept: FLOAT / BLOCK_SIZE, packed: (2 * FLOAT) / BLOCK_SIZE };

/** Weights in blocks are there twice, for learning and packed for the sampler, and the largest of them for a while as float32. */
function weightBytes(config: ModelConfig, { baseBits }: TrainSettings): number {
  const inBlocks = baseBits ? blockWeights(config, baseBits) : undefined;
  let bytes = 0;
  let largest = 0;
  for (const [name, { shape }] of tensorsOf(config)) {
    const size = shape.reduce((a, b) => a * b, 1);
    if (!inBlocks?.has(name)) bytes += FLOAT * size;
    else {
      bytes += size * (baseBits! / 4 + BLOCK_EXTRA.kept + BLOCK_EXTRA.packed);
      largest = Math.max(largest, size);
    }
  }
  return bytes + 2 * FLOAT * largest;
}

/**
 * Whether a run may fit into `limit` bytes. How much prompts share is not known yet, and half of what rests on it is
 * counted: only what cannot fit in any case does not.
 */
export function mayFit({ activations, logits, sampling, total }: MemoryEstimate, limit: number): boolean {
  const certain = total - activations - logits - sampling;
  return certain + (total - certain) / 2 <= limit;
}

/** `3.1 GB` */
export const gigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(1)} GB`;

/** `needs about 3.1 GB of 12.4 GB: weights 0.5, …` */
export function describeMemory({ total, ...parts }: MemoryEstimate, limit: number): string {
  const listed = Object.entries(parts)
    .filter(([, bytes]) => bytes >= 0.05e9)
    .map(([name, bytes]) => `${name} ${(bytes / 1e9).toFixed(1)}`);
  return `needs about ${gigabytes(total)} of ${gigabytes(limit)}${listed.length > 0 ? `: ${listed.join(', ')}` : ''}`;
}

/** A change of the settings that saves memory, by its flag. */
interface Saving {
  readonly flag: string;
  readonly apply: (settings: TrainSettings) => TrainSettings;
}

/** What would make a run fit into `limit` bytes, as a sentence: as few changes as possible, the mildest first. */
export function memoryAdvice(
  config: ModelConfig,
  settings: TrainSettings,
  prompts: PromptShape,
  limit: number,
): string {
  const row = prompts.longest + settings.maxCompletionLength;
  const budget = Math.max(row, Math.floor(settings.tokenBudget / 8));
  const savings: Saving[] = [];
  if (!settings.gradientCheckpointing)
    savings.push({ flag: '--gradient-checkpointing', apply: (s) => ({ ...s, gradientCheckpointing: true }) });
  if (budget < settings.tokenBudget)
    savings.push({ flag: `--token-budget ${budget}`, apply: (s) => ({ ...s, tokenBudget: budget }) });
  if (settings.loss.beta > 0 && !settings.lora)
    savings.push({ flag: '--beta 0', apply: (s) => ({ ...s, loss: { ...s.loss, beta: 0 } }) });
  if (!settings.lora) {
    const lora = { rank: 16, alpha: 32, targets: [], rankStabilized: false };
    savings.push({ flag: '--lora-rank 16', apply: (s) => ({ ...s, lora }) });
  }
  const batchSize = Math.ceil(settings.batchSize / 8);
  if (batchSize < settings.batchSize)
    savings.push({ flag: `--batch-size ${batchSize}`, apply: (s) => ({ ...s, batchSize }) });
  const choices = Array.from({ length: 2 ** savings.length }, (_, bits) => savings.filter((__, i) => bits & (1 << i)));
  for (const choice of choices.sort((a, b) => a.length - b.length)) {
    const changed = choice.reduce((s, { apply }) => apply(s), settings);
    const { total } = estimateMemory(config, changed, prompts);
    if (total <= limit) return `With ${choice.map(({ flag }) => flag).join(' ')} it needs about ${gigabytes(total)}.`;
  }
  const least = estimateMemory(
    config,
    savings.reduce((s, { apply }) => apply(s), settings),
    prompts,
  );
  return `Even with ${savings.map(({ flag }) => flag).join(' ')} it needs about ${gigabytes(least.total)}: choose a smaller model.`;
}
