// AdamW: its moments, and its two graphs, the squared norm of the gradients and the update. Between them stands one
// number, the norm, so that a gradient that is not finite is seen before anything has changed.
// Source: torch.optim.AdamW and clip_grad_norm_ (decoupled decay; eps outside the square root). Which tensors decay is chosen
// as Hugging Face's trainers do: matrices and embeddings, not norms and biases.

import { add, div, Graph, mul, type Shape, scale, serialize, sqrt, sub, sumOfSquares } from '@ludic/graph';
import { floats, type HostTensor, Programs, ResidentTensors, type Runtime, scalar } from '@ludic/runtime';
import { GrpoError } from '../errors.ts';
import { type TensorShapes, tensorGroups } from './tensor-groups.ts';

/**
 * AdamW with decoupled weight decay, as torch.optim.AdamW. The learning rate is no part of it: `ScheduleSettings`.
 * Source: https://arxiv.org/abs/1711.05101.
 */
export interface AdamWSettings {
  /** Decay rates of the first and the second moment, at least 0 and below 1. */
  readonly beta1: number;
  readonly beta2: number;
  /** Added to the square root of the second moment. */
  readonly epsilon: number;
  /** Each update takes learning rate · weightDecay of a weight away; not of norms and biases. */
  readonly weightDecay: number;
  /** Gradients are scaled down to this global norm; 0 or Infinity leaves them. */
  readonly maxGradNorm: number;
}

/** The defaults of transformers' TrainingArguments: no weight decay, gradients clipped to a global norm of 1. */
export const DEFAULT_ADAMW: AdamWSettings = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0, maxGradNorm: 1 };

/** Added to the norm before dividing by it, as clip_grad_norm_ does. */
const CLIP_EPSILON = 1e-6;

/** What must be saved so that learning goes on as if it had never stopped. */
export interface OptimizerState {
  /** Updates so far. */
  readonly updates: number;
  /** Moments, by `first.NAME` and `second.NAME`. */
  readonly moments: Readonly<Record<string, HostTensor>>;
}

/** Updates parameters in place. Its moments begin as zeros, are made when they are first needed, and stay on the device. */
export class AdamW {
  readonly #runtime: Runtime;
  readonly #parameters: ResidentTensors;
  readonly #settings: AdamWSettings;
  readonly #groups: readonly TensorShapes[];
  readonly #programs: Programs;
  #moments: Promise<ResidentTensors> | undefined;
  #updates = 0;

  constructor(runtime: Runtime, parameters: ResidentTensors, settings: AdamWSettings) {
    this.#runtime = runtime;
    this.#parameters = parameters;
    this.#settings = settings;
    this.#groups = tensorGroups(parameters.shapes);
    this.#programs = new Programs(runtime);
  }

  /** Updates so far. */
  get updates(): number {
    return this.#updates;
  }

  /** The global norm of gradients, one of each parameter. */
  async norm(gradients: ResidentTensors): Promise<number> {
    const program = await this.#programs.get('norm', () => buildSquaredNorm(this.#parameters.shapes));
    const outputs = await program.run(gradients.inputs('gradient.'));
    return Math.sqrt(floats(outputs.squared_norm as HostTensor)[0]!);
  }

  /** @param norm of the gradients, finite */
  async update(gradients: ResidentTensors, norm: number, learningRate: number): Promise<void> {
    const parameters = this.#parameters;
    const moments = await this.#madeMoments();
    const scalars = adamWScalars(this.#settings, this.#updates + 1, learningRate, norm);
    const inputs = {
      ...parameters.inputs(),
      ...gradients.inputs('gradient.'),
      ...moments.inputs(),
      ...Object.fromEntries(Object.entries(scalars).map(([name, value]) => [name, scalar(value)])),
    };
    for (const [i, shapes] of this.#groups.entries()) {
      const keepOnDevice = [...shapes.keys()].flatMap((name) => [`next.${name}`, ...momentsOf(name, 'next.')]);
      const program = await this.#programs.get(`${i}`, () => buildAdamW(shapes, this.#settings), { keepOnDevice });
      const outputs = await program.run(inputs, { ...parameters.into('next.'), ...moments.into('next.') });
      parameters.take(outputs, 'next.');
      moments.take(outputs, 'next.');
    }
    this.#updates++;
  }

  async state(): Promise<OptimizerState> {
    return { updates: this.#updates, moments: await (await this.#madeMoments()).download() };
  }

  /** @throws GrpoError `bad_checkpoint` */
  async restore({ updates, moments }: OptimizerState): Promise<void> {
    const present = await this.#madeMoments();
    for (const [name, shape] of present.shapes) {
      if (moments[name]?.dims.join() !== shape.join()) {
        throw new GrpoError('bad_checkpoint', `The optimizer state has no fitting tensor ${name}.`);
      }
    }
    await present.set(moments);
    this.#updates = updates;
  }

  async dispose(): Promise<void> {
    await this.#programs.dispose();
    (await this.#moments)?.dispose();
    this.#moments = undefined;
  }

  #madeMoments(): Promise<ResidentTensors> {
    const shapes = [...this.#parameters.shapes].flatMap(([name, shape]) =>
      momentsOf(name).map((moment) => [moment, shape] as const),
    );
    return (this.#moments ??= ResidentTensors.zeros(this.#runtime, shapes));
  }
}

const momentsOf = (name: string, prefix = '') => [`${prefix}first.${name}`, `${prefix}second.${name}`];

/** Inputs `gradient.NAME`; output `squared_norm` []. */
export function buildSquaredNorm(shapes: TensorShapes): Uint8Array {
  const graph = new Graph('squared-norm');
  const squares = [...shapes].map(([name, shape]) => {
    const gradient = graph.input(`gradient.${name}`, 'float32', shape);
    return sumOfSquares(
      gradient,
      shape.map((_, axis) => axis),
    );
  });
  graph.output('squared_norm', squares.reduce(add));
  return serialize(graph);
}

/**
 * Inputs, for each parameter: `NAME`, `gradient.NAME`, `first.NAME` and `second.NAME` (the moments); and the scalars of
 * `adamWScalars`. Outputs: `next.NAME`, `next.first.NAME`, `next.second.NAME`. Every element depends on its own
 * inputs alone: outputs may be written over inputs.
 * @param decays which parameters the weight decay falls on
 */
export function buildAdamW(
  shapes: TensorShapes,
  { beta1, beta2, weightDecay }: AdamWSettings,
  decays: (shape: Shape) => boolean = isDecayed,
): Uint8Array {
  const graph = new Graph('adamw');
  const scalar = (name: keyof AdamWScalars) => graph.input(name, 'float32', []);
  const firstGain = scalar('first_gain');
  const secondGain = scalar('second_gain');
  const stepSize = scalar('step_size');
  const epsilon = scalar('scaled_epsilon');
  const decay = weightDecay > 0 && [...shapes.values()].some(decays) ? scalar('decay') : undefined;
  for (const [name, shape] of shapes) {
    const input = (prefix: string) => graph.input(`${prefix}${name}`, 'float32', shape);
    const gradient = input('gradient.');
    const first = add(scale(input('first.'), beta1), mul(gradient, firstGain));
    const second = add(scale(input('second.'), beta2), mul(mul(gradient, gradient), secondGain));
    const update = div(mul(first, stepSize), add(sqrt(second), epsilon));
    const before = input('');
    graph.output(`next.${name}`, sub(decay && decays(shape) ? mul(before, decay) : before, update));
    graph.output(`next.first.${name}`, first);
    graph.output(`next.second.${name}`, second);
  }
  return serialize(graph);
}

/** Weights of norms and biases are vectors; all else is a matrix. */
const isDecayed = (shape: Shape): boolean => shape.length >= 2;

/** What changes from update to update, folded so that each tensor is passed over as seldom as possible. */
export interface AdamWScalars {
  /** (1 − beta1) · clip and (1 − beta2) · clip². */
  readonly first_gain: number;
  readonly second_gain: number;
  /** With the corrections of both biases. */
  readonly step_size: number;
  /** epsilon under the correction of the second bias. */
  readonly scaled_epsilon: number;
  readonly decay: number;
}

/** The numbers of update `step` (the first is 1) for a gradient of the given norm. */
export function adamWScalars(settings: AdamWSettings, step: number, learningRate: number, norm: number): AdamWScalars {
  const { beta1, beta2, epsilon, weightDecay, maxGradNorm } = settings;
  const clip = maxGradNorm === 0 ? 1 : Math.min(1, maxGradNorm / (norm + CLIP_EPSILON));
  const secondCorrection = Math.sqrt(1 - beta2 ** step);
  return {
    first_gain: (1 - beta1) * clip,
    second_gain: (1 - beta2) * clip * clip,
    step_size: (learningRate * secondCorrection) / (1 - beta1 ** step),
    scaled_epsilon: epsilon * secondCorrection,
    decay: 1 - learningRate * weightDecay,
  };
}
