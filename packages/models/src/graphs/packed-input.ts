// The inputs that every graph of a model shares: parameters, packed tokens, rotary tables, and where tokens sit in rows.

import type { Graph, RowPadding, Value } from '@ludic/graph';
import { type LoraConfig, loraShapes } from '../adapters/adapter.ts';
import type { PackedTokens, Weights } from '../architectures/family.ts';
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
export function weightInputs(
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

/** Declares `ids`, `positions` and the rotary tables: `cos` and `sin`, `local_cos` and `local_sin`. */
export function tokenInputs(graph: Graph, config: ModelConfig, tokens: string): PackedTokens {
  const table = (name: string) => graph.input(name, 'float32', ['positions', config.headDim / 2]);
  return {
    ids: graph.input('ids', 'int32', [tokens]),
    positions: config.rotary
      ? graph.input('positions', 'int64', [tokens, 1])
      : graph.input('positions', 'int32', [tokens]),
    ...(config.rotary && { rotary: { cos: table('cos'), sin: table('sin') } }),
    ...(config.localRotary && { localRotary: { cos: table('local_cos'), sin: table('local_sin') } }),
  };
}

/** Names of a level of rows: its inputs begin with `prefix`, its dimensions are the others. */
export interface RowNames {
  readonly prefix: string;
  readonly tokens: string;
  readonly rows: string;
  readonly steps: string;
}

export const ROWS: RowNames = { prefix: '', tokens: 'rowTokens', rows: 'rows', steps: 'steps' };

/** Declares `pad_index`, `unpad_index` and `pad_mask` for the tokens that are laid out as rows. */
export function rowInputs(graph: Graph, { prefix, tokens, rows, steps }: RowNames = ROWS): RowPadding {
  return {
    padIndex: graph.input(`${prefix}pad_index`, 'int32', [rows, steps]),
    unpadIndex: graph.input(`${prefix}unpad_index`, 'int32', [tokens]),
    padMask: graph.input(`${prefix}pad_mask`, 'float32', [rows, steps, 1]),
  };
}
