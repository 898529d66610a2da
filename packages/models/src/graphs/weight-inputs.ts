// The parameters of a model, and of an adapter, as inputs of a graph.

import type { Graph, Value } from '@ludic/graph';
import { BLOCK_SIZE, type BlockWeight, type PackedWeight } from '@ludic/graph/internal';
import { floats, type HostTensor } from '@ludic/runtime';
import { type LoraConfig, loraShapes } from '../adapters/adapter.ts';
import type { Weights } from '../architectures/family.ts';
import type { Precision } from '../architectures/precision.ts';
import { familyOf, tensorsOf } from '../architectures/registry.ts';
import { weightsOf } from '../architectures/weights.ts';
import { type BaseBits, blockNames, blockShapes, blockWeights, packedBlocks } from '../blocks/base-bits.ts';
import type { ModelConfig } from '../config/model-config.ts';

export interface WeightInputs {
  readonly weights: Weights;
  /** The same with products in float32: a head's logits are exact, and so are sums over a vocabulary. */
  readonly exact: Weights;
  /** What is trained: the adapter's parameters where there is one, else all of the model's. */
  readonly trained: ReadonlyMap<string, Value>;
}

/** What the weights of a graph are, and what its products are taken in. */
export interface WeightForm {
  /** The adapter whose parameters come in beside those of the model. */
  readonly adapter?: LoraConfig | undefined;
  /** What matrix products are taken in; by default float32. All else is float32 in any case. */
  readonly precision?: Precision | undefined;
  /** The model's weights come in blocks of so many bits a number (`blockWeights`), as two inputs `NAME.blocks` and `NAME.scales` each. */
  readonly baseBits?: BaseBits | undefined;
  /** Those blocks: linear layers hold them, which makes products faster, and have no inputs and no gradient. */
  readonly held?: Readonly<Record<string, HostTensor>> | undefined;
}

/** Declares one input per parameter, under its name in the checkpoint; those of an adapter as `NAME.lora_A|B.weight`. */
export function declareWeights(
  graph: Graph,
  config: ModelConfig,
  { adapter, precision, baseBits, held }: WeightForm,
): WeightInputs {
  const declare = (shapes: Iterable<readonly [string, readonly number[]]>) =>
    new Map(Array.from(shapes, ([name, shape]) => [name, graph.input(name, 'float32', shape)] as const));
  const inBlocks = new Map<string, BlockWeight>();
  const packed = new Map<string, PackedWeight>();
  const { embeddings } = familyOf(config);
  for (const [name, sides] of baseBits ? blockWeights(config, baseBits) : []) {
    const [names, shapes] = [blockNames(name), blockShapes(sides)];
    if (held) packed.set(name, packedWeight(graph, sides, held[names.blocks]!, held[names.scales]!));
    if (held && name !== embeddings) continue;
    const blocks = graph.input(names.blocks, 'uint8', shapes.blocks);
    inBlocks.set(name, { ...sides, blocks, scales: graph.input(names.scales, 'float32', shapes.scales) });
  }
  const whole = [...tensorsOf(config)].filter(([name]) => !inBlocks.has(name) && !packed.has(name));
  const base = declare(whole.map(([name, { shape }]) => [name, shape] as const));
  const own = adapter && declare(loraShapes(config, adapter));
  const tensor = (name: string): Value => {
    const value = base.get(name) ?? own?.get(name);
    if (!value) throw new Error(`the model has no parameter ${name}`);
    return value;
  };
  const weights = (type?: Precision) => weightsOf(config, tensor, { adapter, precision: type, inBlocks, packed });
  return { weights: weights(precision), exact: weights(), trained: own ?? base };
}

/** A weight in blocks as a part of the graph, laid out when the graph is written. */
function packedWeight(
  graph: Graph,
  { out, in: width, bits }: Pick<BlockWeight, 'out' | 'in' | 'bits'>,
  blocks: HostTensor,
  scales: HostTensor,
): PackedWeight {
  const shape = [out, width / BLOCK_SIZE, (BLOCK_SIZE * bits) / 8];
  return {
    out,
    in: width,
    bits,
    blockSize: BLOCK_SIZE,
    packed: graph.deferred('uint8', shape, () => packedBlocks(blocks.data as Uint8Array, out, width, bits)),
    scales: graph.constant(floats(scales), scales.dims),
  };
}
