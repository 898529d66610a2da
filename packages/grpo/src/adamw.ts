// AdamW as two graphs: the squared norm of the gradients, and the update. Between them stands one number, the clip
// coefficient, so that a gradient that is not finite is seen before anything has changed.
// Source: torch.optim.AdamW and clip_grad_norm_ (decoupled decay on every tensor; eps outside the square root).

import { add, div, Graph, mul, type Shape, scale, serialize, sqrt, sub, sumOfSquares } from '@ludic/graph';

export interface AdamWSettings {
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  readonly weightDecay: number;
  /** Gradients are scaled down to this global norm; Infinity leaves them. */
  readonly maxGradNorm: number;
}

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
 */
export function buildAdamW(shapes: ParameterShapes, { beta1, beta2, epsilon }: AdamWSettings): Uint8Array {
  const graph = new Graph('adamw');
  const scalar = (name: keyof AdamWScalars) => graph.input(name, 'float32', []);
  const clip = scalar('clip');
  const decay = scalar('decay');
  const stepSize = scalar('step_size');
  const secondScale = scalar('second_scale');
  for (const [name, shape] of shapes) {
    const input = (prefix: string) => graph.input(`${prefix}${name}`, 'float32', shape);
    const gradient = mul(input('gradient.'), clip);
    const first = add(scale(input('first.'), beta1), scale(gradient, 1 - beta1));
    const second = add(scale(input('second.'), beta2), scale(mul(gradient, gradient), 1 - beta2));
    const update = div(first, add(mul(sqrt(second), secondScale), graph.scalar(epsilon)));
    graph.output(`next.${name}`, sub(mul(input(''), decay), mul(update, stepSize)));
    graph.output(`next.first.${name}`, first);
    graph.output(`next.second.${name}`, second);
  }
  return serialize(graph);
}

export interface AdamWScalars {
  readonly clip: number;
  readonly decay: number;
  readonly step_size: number;
  readonly second_scale: number;
}

/** The numbers of update `step` (the first is 1) for a gradient of the given norm. */
export function adamWScalars(settings: AdamWSettings, step: number, learningRate: number, norm: number): AdamWScalars {
  return {
    clip: Math.min(1, settings.maxGradNorm / (norm + CLIP_EPSILON)),
    decay: 1 - learningRate * settings.weightDecay,
    step_size: learningRate / (1 - settings.beta1 ** step),
    second_scale: 1 / Math.sqrt(1 - settings.beta2 ** step),
  };
}
