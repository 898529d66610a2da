// The parameters and their optimizer: gradients are summed over micro-batches, then AdamW takes one step. Weights,
// gradients and moments stay on the device; what crosses are tokens, masks, advantages and numbers per token.

import type { ResidentAdapter } from '@ludic/inference/internal';
import type { ModelConfig, Precision } from '@ludic/models';
import { packTree, scoringInputs, sharedPrefixLength, type TreeLevels } from '@ludic/models/internal';
import {
  floats,
  type HostTensor,
  type LoadOptions,
  type Program,
  ResidentTensors,
  type Runtime,
  scalar,
  type Tensors,
  zeros,
} from '@ludic/runtime';
import {
  type MicroBatch,
  microBatches,
  mostLogitPositions,
  type Sample,
  samplePaths,
  targetsOf,
} from '../batching/samples.ts';
import { GrpoError } from '../errors.ts';
import { buildAddition, buildGradient, buildScorer, type Objective } from '../loss/gradient-graph.ts';
import { lossInputs } from '../loss/loss.ts';
import { type AdamWSettings, adamWScalars, buildAdamW, buildSquaredNorm } from '../optimizer/adamw.ts';
import { lossScale } from '../optimizer/loss-scale.ts';
import { DEFAULT_LOSS, type LossCoefficients } from '../settings/loss-settings.ts';

/** What is trained, on which runtime, towards which loss. */
export interface LearnerOptions {
  readonly runtime: Runtime;
  readonly config: ModelConfig;
  /** The model's; changed by `step` unless there is an adapter. */
  readonly parameters: ResidentTensors;
  /** Trained instead of the parameters, which have then neither gradients nor moments. */
  readonly adapter?: ResidentAdapter;
  /** A GRPO loss, or `supervised`: the weighted negative log-likelihood of given replies. */
  readonly objective: Objective;
  readonly adamw: AdamWSettings;
  /** The temperature at which log π is taken: the one that sampled. */
  readonly temperature: number;
  /** Token slots of a micro-batch, padding included. */
  readonly tokenBudget: number;
  /** Compute each layer again when its gradient is due, instead of keeping what is inside. */
  readonly gradientCheckpointing?: boolean;
  /** The same samples will be accumulated more than once. */
  readonly repeated?: boolean;
  /** What matrix products are taken in; by default float32. */
  readonly precision?: Precision | undefined;
}

/** Per token of the samples, in the order in which `samplePaths` put them. */
export interface ScoredSamples<S> {
  readonly samples: readonly S[];
  /** One array per sample. */
  readonly logprobs: readonly Float32Array[];
  readonly entropies: readonly Float32Array[];
}

/** What must be saved so that learning goes on as if it had never stopped. */
export interface OptimizerState {
  /** Updates so far. */
  readonly updates: number;
  /** Moments, by `first.NAME` and `second.NAME`. */
  readonly moments: Readonly<Record<string, HostTensor>>;
}

/** A shorter common beginning is not worth cutting off. */
const SHORTEST_PREFIX = 4;

/**
 * Computes gradients of a loss over samples and takes AdamW steps: `accumulate` as often as there are samples, then
 * `step`. The weights, gradients and moments are tensors of the runtime. Disposing frees the learner's own and leaves
 * the model's.
 */
export class Learner {
  readonly #options: LearnerOptions;
  readonly #trained: ResidentTensors;
  /** Where gradients are summed; made with the first micro-batch. */
  #sums: ResidentTensors | undefined;
  /** There was a micro-batch since the last step: else the numbers in `#sums` mean nothing. */
  #summed = false;
  /** The sum of whole sums, where a batch has several. */
  #total: ResidentTensors | undefined;
  /** Something was added to the total since the last step: else its numbers mean nothing. */
  #totalled = false;
  #moments: Promise<ResidentTensors> | undefined;
  readonly #programs = new Map<string, Promise<Program>>();
  #updates = 0;

  constructor(options: LearnerOptions) {
    this.#options = options;
    this.#trained = options.adapter?.parameters ?? options.parameters;
  }

  async optimizerState(): Promise<OptimizerState> {
    return { updates: this.#updates, moments: await (await this.#optimizer()).download() };
  }

  /** The sum of gradients since the last step, by parameter. Empty where there was no micro-batch. */
  async gradientSums(): Promise<Readonly<Record<string, HostTensor>>> {
    return this.#summed || this.#totalled ? (await this.#gradient()).download() : {};
  }

  /** Ends a sum: what is accumulated from here on is summed by itself, and added as a whole to what was set aside. */
  async setAside(): Promise<void> {
    if (!this.#summed) return;
    if (this.#totalled) await this.#addToTotal(this.#sums!);
    else [this.#sums, this.#total] = [this.#total, this.#sums];
    this.#totalled = true;
    this.#summed = false;
  }

  /** Adds the gradients that another learner has summed, as if they had been summed and set aside here. Takes them over. */
  async addGradients(gradients: Readonly<Record<string, HostTensor>>): Promise<void> {
    const given = await ResidentTensors.of(this.#options.runtime, gradients);
    if (this.#totalled) {
      await this.#addToTotal(given);
      given.dispose();
      return;
    }
    this.#total?.dispose();
    this.#total = given;
    this.#totalled = true;
  }

  /** @throws GrpoError `bad_checkpoint` */
  async restore({ updates, moments }: OptimizerState): Promise<void> {
    const present = await this.#optimizer();
    for (const name of present.names) {
      if (moments[name]?.dims.join() !== present.dims(name).join()) {
        throw new GrpoError('bad_checkpoint', `The optimizer state has no fitting tensor ${name}.`);
      }
    }
    await present.set(moments);
    this.#updates = updates;
  }

  /**
   * Adds the gradient of the samples' loss to the sums. Returns the loss and what the network says of each token.
   * @param coefficients weights of the KL term and of the entropy bonus now; by default the objective's own
   */
  async accumulate(
    samples: readonly Sample[],
    coefficients?: LossCoefficients,
  ): Promise<ScoredSamples<Sample> & { readonly loss: number }> {
    const { runtime, objective, adapter, gradientCheckpointing, precision, repeated } = this.#options;
    const { beta, entropyCoefficient } = coefficients ?? (objective === 'supervised' ? DEFAULT_LOSS : objective);
    const weights = { beta: scalar(beta), entropy_coefficient: scalar(entropyCoefficient) };
    let loss = 0;
    const keepOnDevice = this.#trained.names.map((name) => `gradient.${name}`);
    const scored = await this.#overMicroBatches(samples, async (batch, inputs, levels, several) => {
      const sums = await this.#sumsOrZeros();
      // In ordinary memory beginning with zeros saves a second program, and with it a second set of working memory.
      const addTo = this.#summed || (runtime.tensors === 'host' && (several || gradientCheckpointing === true));
      if (addTo && !this.#summed) await sums.clear();
      const program = await this.#program(
        `gradient ${levelsKey(levels)} ${addTo}`,
        (config) =>
          buildGradient(config, objective, levels, {
            addTo,
            adapter: adapter?.config,
            gradientCheckpointing,
            precision,
          }),
        { keepOnDevice, ...(repeated && { repeatsShapes: true }) },
      );
      const outputs = await program.run(
        {
          ...inputs,
          ...lossInputs(batch.samples),
          ...weights,
          loss_scale: scalar(lossScale(batch.samples)),
          ...(addTo && sums.inputs('sum.')),
        },
        sums.into('gradient.'),
      );
      sums.take(outputs, 'gradient.');
      this.#summed = true;
      loss += floats(outputs.loss as HostTensor)[0]!;
      return outputs;
    });
    return { ...scored, loss };
  }

  /** log π and entropies of the samples' tokens under the present parameters. */
  score<S extends Pick<Sample, 'prompt' | 'completion'>>(samples: readonly S[]): Promise<ScoredSamples<S>> {
    const { adapter, precision } = this.#options;
    return this.#overMicroBatches(samples, async (_, inputs, levels) => {
      const program = await this.#program(`score ${levelsKey(levels)}`, (config) =>
        buildScorer(config, levels, { adapter: adapter?.config, precision }),
      );
      return program.run(inputs);
    });
  }

  /**
   * One AdamW update with the summed gradient, which is then zero again. A gradient of exactly 0 changes nothing, where Adam's
   * momentum alone would move the weights. Returns the gradient's norm before clipping.
   * @throws GrpoError `not_finite`, and nothing has changed
   */
  async step(learningRate: number): Promise<number> {
    const { adamw, precision } = this.#options;
    const parameters = this.#trained;
    const moments = await this.#optimizer();
    const groups = updateGroups(parameters);
    const gradients = (await this.#gradient()).inputs('gradient.');
    const normProgram = await this.#program('norm', () =>
      buildSquaredNorm(new Map(groups.flatMap((shapes) => [...shapes]))),
    );
    const norm = Math.sqrt(floats((await normProgram.run(gradients)).squared_norm as HostTensor)[0]!);
    if (!Number.isFinite(norm)) {
      throw new GrpoError(
        'not_finite',
        `The gradient of update ${this.#updates + 1} is not finite. Lower the learning rate${
          precision === 'float16' ? ', or train with precision float32: float16 ends at 65504' : ''
        }.`,
      );
    }
    if (norm === 0) {
      this.clearGradients();
      return norm;
    }
    const scalars = adamWScalars(adamw, this.#updates + 1, learningRate, norm);
    const inputs = {
      ...parameters.inputs(),
      ...gradients,
      ...moments.inputs(),
      ...Object.fromEntries(Object.entries(scalars).map(([name, value]) => [name, scalar(value)])),
    };
    for (const [i, shapes] of groups.entries()) {
      const next = [...shapes.keys()].flatMap((name) => [`next.${name}`, `next.first.${name}`, `next.second.${name}`]);
      const program = await this.#program(`adamw ${i}`, () => buildAdamW(shapes, adamw), { keepOnDevice: next });
      const outputs = await program.run(inputs, { ...parameters.into('next.'), ...moments.into('next.') });
      parameters.take(outputs, 'next.');
      moments.take(outputs, 'next.');
    }
    this.#updates++;
    this.clearGradients();
    return norm;
  }

  clearGradients(): void {
    this.#summed = false;
    this.#totalled = false;
  }

  async dispose(): Promise<void> {
    for (const program of this.#programs.values()) await (await program).dispose();
    this.#programs.clear();
    this.#sums?.dispose();
    this.#sums = undefined;
    this.#total?.dispose();
    this.#total = undefined;
    this.clearGradients();
    (await this.#moments)?.dispose();
    this.#moments = undefined;
  }

  /** The moments, by `first.NAME` and `second.NAME`; zero at first, and made when they are needed. */
  #optimizer(): Promise<ResidentTensors> {
    this.#moments ??= ResidentTensors.of(this.#options.runtime, this.#zeros(['first.', 'second.']));
    return this.#moments;
  }

  /** Zeros for every trained parameter, once with each prefix. */
  #zeros(prefixes: readonly string[]): Record<string, HostTensor> {
    const trained = this.#trained;
    return Object.fromEntries(
      trained.names.flatMap((name) => prefixes.map((prefix) => [prefix + name, zeros(trained.dims(name))])),
    );
  }

  /** All that was summed since the last step. */
  async #gradient(): Promise<ResidentTensors> {
    if (this.#totalled) {
      await this.setAside();
      return this.#total!;
    }
    const sums = await this.#sumsOrZeros();
    if (!this.#summed) await sums.clear();
    return sums;
  }

  async #addToTotal(gradients: ResidentTensors): Promise<void> {
    const total = this.#total!;
    const inputs = { ...total.inputs('sum.'), ...gradients.inputs('gradient.') };
    for (const [i, shapes] of updateGroups(total).entries()) {
      const next = Array.from(shapes.keys(), (name) => `next.${name}`);
      const program = await this.#program(`addition ${i}`, () => buildAddition(shapes), { keepOnDevice: next });
      total.take(await program.run(inputs, total.into('next.')), 'next.');
    }
  }

  async #sumsOrZeros(): Promise<ResidentTensors> {
    this.#sums ??= await ResidentTensors.of(this.#options.runtime, this.#zeros(['']));
    return this.#sums;
  }

  async #overMicroBatches<S extends Pick<Sample, 'prompt' | 'completion'>>(
    samples: readonly S[],
    run: (batch: MicroBatch<S>, inputs: Tensors, levels: TreeLevels, several: boolean) => Promise<Tensors>,
  ): Promise<ScoredSamples<S>> {
    const { config, parameters, adapter, temperature, tokenBudget } = this.#options;
    const paths = samplePaths(samples);
    const logprobs: Float32Array[] = [];
    const entropies: Float32Array[] = [];
    const batches = [...microBatches(paths, tokenBudget, mostLogitPositions(config.vocabSize))];
    for (const batch of batches) {
      const shortest = batch.sequences.reduce((least, s) => Math.min(least, s.length), Number.POSITIVE_INFINITY);
      const common = batch.sequences.length > 1 ? sharedPrefixLength(batch.sequences, shortest - 1) : 0;
      const prefix = common < SHORTEST_PREFIX ? 0 : common;
      const packed = packTree(config, batch.sequences, { prefixLength: prefix, promptLengths: batch.promptLengths });
      const outputs = await run(
        batch,
        {
          ...parameters.inputs(),
          ...adapter?.parameters.inputs(),
          ...packed.inputs,
          ...scoringInputs(config, targetsOf(batch, packed.tokenAt), temperature),
        },
        packed.levels,
        batches.length > 1,
      );
      let at = 0;
      for (const { completion } of batch.samples) {
        const end = at + completion.length;
        logprobs.push(floats(outputs.logprobs as HostTensor).subarray(at, end));
        entropies.push(floats(outputs.entropies as HostTensor).subarray(at, end));
        at = end;
      }
    }
    return { samples: paths.samples, logprobs, entropies };
  }

  #program(key: string, build: (config: ModelConfig) => Uint8Array, options: LoadOptions = {}): Promise<Program> {
    let program = this.#programs.get(key);
    if (!program) {
      program = this.#options.runtime.load(build(this.#options.config), options);
      this.#programs.set(key, program);
    }
    return program;
  }
}

/** Most parameters of one update: the binding to the runtime copies all outputs, whatever they are written into. */
const UPDATED_AT_ONCE = 2 ** 24;

/** Shapes of the parameters that are updated together, in their order. */
function updateGroups(parameters: ResidentTensors): readonly ReadonlyMap<string, readonly number[]>[] {
  const groups: Map<string, readonly number[]>[] = [];
  let size = Number.POSITIVE_INFINITY;
  for (const name of parameters.names) {
    const shape = parameters.dims(name);
    const count = shape.reduce((a, b) => a * b, 1);
    if (size + count > UPDATED_AT_ONCE) {
      groups.push(new Map());
      size = 0;
    }
    groups.at(-1)!.set(name, shape);
    size += count;
  }
  return groups;
}

const levelsKey = ({ prefix, sharedPrompts }: TreeLevels) => `${prefix} ${sharedPrompts}`;
