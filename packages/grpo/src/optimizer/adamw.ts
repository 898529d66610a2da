// AdamW as two graphs: the squared norm of the gradients, and the update. Between them stands one number, the norm, so
// that a gradient that is not finite is seen before anything has changed.
// Source: torch.optim.AdamW and clip_grad_norm_ (decoupled decay; eps outside the square root). Which tensors decay is chosen
// as Hugging Face's trainers do: matrices and embeddings, not norms and biases.

import { add, div, Graph, mul, type Shape, scale, serialize, sqrt, sub, sumOfSquares } from '@ludic/graph';

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

type ParameterShapes = ReadonlyMap<string, Shape>;

/** Inputs `gradient.NAME`; output `squared_norm` []. */
export function buildSquaredNorm(shapes: ParameterShapes): Uint8Array {
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
  shapes: ParameterShapes,
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
