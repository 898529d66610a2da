// The parameters, the sum of their gradients and their optimizer: samples are cut into micro-batches, whose gradients are
// summed; a step is the norm of the sum, then AdamW. Weights, gradients and moments stay on the device; what crosses are
// tokens, masks, advantages and numbers per token.

import type { ResidentAdapter } from '@ludic/inference/internal';
import type { BaseBits, ModelConfig, Precision } from '@ludic/models';
import { packTree, scoringInputs, sharedPrefix, type TreeLevels } from '@ludic/models/internal';
import {
  floats,
  type HostTensor,
  type Program,
  Programs,
  type ResidentTensors,
  type Runtime,
  scalar,
  type Tensors,
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
import { buildGradient, buildScorer, type Objective } from '../loss/gradient-graph.ts';
import { lossInputs } from '../loss/loss.ts';
import { AdamW, type AdamWSettings } from '../optimizer/adamw.ts';
import { DEFAULT_LOSS, type LossCoefficients } from '../settings/loss-settings.ts';
import { GradientSum } from './gradient-sum.ts';

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
  /** The parameters are in blocks of so many bits a number, and there is an adapter. */
  readonly baseBits?: BaseBits | undefined;
}

/** Per token of the samples, in the order in which `samplePaths` put them. */
export interface ScoredSamples<S> {
  readonly samples: readonly S[];
  /** [samples][completion tokens] log π. */
  readonly logprobs: readonly Float32Array[];
  /** [samples][completion tokens] Entropies in nats. */
  readonly entropies: readonly Float32Array[];
}

/**
 * Computes gradients of a loss over samples and takes AdamW steps: `accumulate` as often as there are samples, then
 * `step`. The weights, gradients and moments are tensors of the runtime. Disposing frees the learner's own and leaves
 * the model's.
 */
export class Learner {
  readonly #options: LearnerOptions;
  /** What was accumulated since the last step. */
  readonly gradients: GradientSum;
  readonly optimizer: AdamW;
  readonly #programs: Programs;

  constructor(options: LearnerOptions) {
    const { runtime, adamw } = options;
    const trained = options.adapter?.parameters ?? options.parameters;
    this.#options = options;
    this.gradients = new GradientSum(runtime, trained.shapes);
    this.optimizer = new AdamW(runtime, trained, adamw);
    this.#programs = new Programs(runtime);
  }

  /**
   * Adds the gradient of the samples' loss to the sums. Returns the loss and what the network says of each token.
   * @param coefficients weights of the KL term and of the entropy bonus now; by default the objective's own
   */
  async accumulate(
    samples: readonly Sample[],
    coefficients?: LossCoefficients,
  ): Promise<ScoredSamples<Sample> & { readonly loss: number }> {
    const { runtime, objective, gradientCheckpointing } = this.#options;
    const { beta, entropyCoefficient } = coefficients ?? (objective === 'supervised' ? DEFAULT_LOSS : objective);
    const weights = { beta: scalar(beta), entropy_coefficient: scalar(entropyCoefficient) };
    let loss = 0;
    const scored = await this.#overMicroBatches(samples, async (batch, inputs, levels, several) => {
      // In ordinary memory beginning with zeros saves a second program, and with it a second set of working memory.
      const fromZeros = runtime.tensors === 'host' && (several || gradientCheckpointing === true);
      const outputs = await this.gradients.add(async (sum, into) => {
        const program = await this.#gradientProgram(levels, sum !== undefined);
        return program.run({ ...inputs, ...lossInputs(batch.samples), ...weights, ...sum }, into);
      }, fromZeros);
      loss += floats(outputs.loss as HostTensor)[0]!;
      return outputs;
    });
    return { ...scored, loss };
  }

  /** log π and entropies of the samples' tokens under the present parameters. */
  score<S extends Pick<Sample, 'prompt' | 'completion' | 'promptNode'>>(
    samples: readonly S[],
  ): Promise<ScoredSamples<S>> {
    return this.#overMicroBatches(samples, async (_, inputs, levels) => (await this.#scorer(levels)).run(inputs));
  }

  /**
   * One AdamW update with the summed gradient, which is then zero again. A gradient of exactly 0 changes nothing, where Adam's
   * momentum alone would move the weights. Returns the gradient's norm before clipping.
   * @throws GrpoError `not_finite`, and nothing has changed
   */
  async step(learningRate: number): Promise<number> {
    const gradients = await this.gradients.whole();
    const norm = gradients ? await this.optimizer.norm(gradients) : 0;
    if (!Number.isFinite(norm)) {
      throw new GrpoError(
        'not_finite',
        `The gradient of update ${this.optimizer.updates + 1} is not finite. Lower the learning rate${
          this.#options.precision === 'float16' ? ', or train with precision float32: float16 ends at 65504' : ''
        }.`,
      );
    }
    if (gradients && norm > 0) await this.optimizer.update(gradients, norm, learningRate);
    this.gradients.clear();
    return norm;
  }

  async dispose(): Promise<void> {
    await this.#programs.dispose();
    await this.gradients.dispose();
    await this.optimizer.dispose();
  }

  async #overMicroBatches<S extends Pick<Sample, 'prompt' | 'completion' | 'promptNode'>>(
    samples: readonly S[],
    run: (batch: MicroBatch<S>, inputs: Tensors, levels: TreeLevels, several: boolean) => Promise<Tensors>,
  ): Promise<ScoredSamples<S>> {
    const { config, parameters, adapter, temperature, tokenBudget } = this.#options;
    const paths = samplePaths(samples);
    const logprobs: Float32Array[] = [];
    const entropies: Float32Array[] = [];
    const batches = [...microBatches(paths, tokenBudget, mostLogitPositions(config.vocabSize))];
    for (const batch of batches) {
      const packed = packTree(config, batch.paths, sharedPrefix(batch.paths));
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

  #gradientProgram(levels: TreeLevels, addTo: boolean): Promise<Program> {
    const { config, objective, adapter, gradientCheckpointing, precision, baseBits, repeated } = this.#options;
    const options = { addTo, adapter: adapter?.config, gradientCheckpointing, precision, baseBits };
    return this.#programs.get(
      `gradient ${levelsKey(levels)} ${addTo}`,
      () => buildGradient(config, objective, levels, options),
      { keepOnDevice: this.gradients.outputs, ...(repeated && { repeatsShapes: true }) },
    );
  }

  #scorer(levels: TreeLevels): Promise<Program> {
    const { config, adapter, precision, baseBits } = this.#options;
    const options = { adapter: adapter?.config, precision, baseBits };
    return this.#programs.get(`score ${levelsKey(levels)}`, () => buildScorer(config, levels, options));
  }
}

const levelsKey = ({ prefix, sharedPrompts }: TreeLevels) => `${prefix} ${sharedPrompts}`;
