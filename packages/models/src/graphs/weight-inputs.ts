// The parameters of a model, and of an adapter, as inputs of a graph.

import type { Graph, Value } from '@ludic/graph';
import { type LoraConfig, loraShapes } from '../adapters/adapter.ts';
import type { Weights } from '../architectures/family.ts';
import type { Precision } from '../architectures/precision.ts';
import { tensorsOf } from '../architectures/registry.ts';
import { weightsOf } from '../architectures/weights.ts';
import type { ModelConfig } from '../config/model-config.ts';

export interface WeightInputs {
  readonly weights: Weights;
  /** The same with products in float32: a head's logits are exact, and so are sums over a vocabulary. */
  readonly exact: Weights;
  /** What is trained: the adapter's parameters where there is one, else all of the model's. */
  readonly trained: ReadonlyMap<string, Value>;
}

/** Declares one input per parameter, under its name in the checkpoint; those of an adapter as `NAME.lora_A|B.weight`. */
export function declareWeights(
  graph: Graph,
  config: ModelConfig,
  adapter?: LoraConfig,
  precision?: Precision,
): WeightInputs {
  const declare = (shapes: Iterable<readonly [string, readonly number[]]>) =>
    new Map(Array.from(shapes, ([name, shape]) => [name, graph.input(name, 'float32', shape)] as const));
  const base = declare(Array.from(tensorsOf(config), ([name, { shape }]) => [name, shape] as const));
  const own = adapter && declare(loraShapes(config, adapter));
  const tensor = (name: string): Value => {
    const value = base.get(name) ?? own?.get(name);
    if (!value) throw new Error(`the model has no parameter ${name}`);
    return value;
  };
  const weights = (type?: Precision) => weightsOf(config, tensor, adapter, type);
  return { weights: weights(precision), exact: weights(), trained: own ?? base };
}
