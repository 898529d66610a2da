// The weights of a model in a graph: how the linear layers of a family are applied, with or without an adapter.

import { add, gatherRows, gemm, linear, scale, type Value } from '@ludic/graph';
import { type BlockWeight, blockLinear, blockRows, type PackedWeight, packedLinear } from '@ludic/graph/internal';
import { type LoraConfig, loraNames, loraScale } from '../adapters/adapter.ts';
import type { ModelConfig } from '../config/model-config.ts';
import type { Weights } from './family.ts';
import type { Precision } from './precision.ts';
import { tensorsOf } from './registry.ts';

/** How weights are applied. */
export interface WeightTraits {
  /** Added to the linear layers that it names. */
  readonly adapter?: LoraConfig | undefined;
  /** By default float32. */
  readonly precision?: Precision | undefined;
  /** Weights that are kept in blocks, which are then no tensors. */
  readonly inBlocks?: ReadonlyMap<string, BlockWeight>;
  /** Those of them whose blocks the graph holds: linear layers use these. */
  readonly packed?: ReadonlyMap<string, PackedWeight>;
}

/** Weights over whatever gives a tensor by its name: a graph's input, or a constant. */
export function weightsOf(
  config: ModelConfig,
  tensor: (name: string) => Value,
  { adapter, precision = 'float32', inBlocks, packed }: WeightTraits = {},
): Weights {
  const specs = tensorsOf(config);
  const adapted = new Set(adapter && loraNames(config, adapter));
  const plainLinear = (x: Value, name: string): Value => {
    const held = packed?.get(`${name}.weight`);
    const blocks = inBlocks?.get(`${name}.weight`);
    const bias = specs.has(`${name}.bias`) ? tensor(`${name}.bias`) : undefined;
    if (held) return withBias(packedLinear(x, held), bias);
    if (blocks) return withBias(blockLinear(x, blocks), bias);
    const weight = tensor(`${name}.weight`);
    return specs.get(`${name}.weight`)!.linear === 'in_out'
      ? withBias(gemm(x, weight, { in: precision }), bias)
      : linear(x, weight, bias, precision);
  };
  return {
    tensor,
    rows(name, indices) {
      const blocks = inBlocks?.get(name);
      return blocks ? blockRows(blocks, indices) : gatherRows(tensor(name), indices);
    },
    linear(x, name) {
      const plain = plainLinear(x, name);
      if (!adapter || !adapted.has(name)) return plain;
      // The detour through a few dimensions: A [rank, in], then B [out, rank].
      const narrow = linear(x, tensor(`${name}.lora_A.weight`), undefined, precision);
      const wide = linear(narrow, tensor(`${name}.lora_B.weight`), undefined, precision);
      return add(plain, scale(wide, loraScale(adapter)));
    },
  };
}

export const withBias = (x: Value, bias: Value | undefined): Value => (bias ? add(x, bias) : x);
