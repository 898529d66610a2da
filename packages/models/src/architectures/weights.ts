// The weights of a model in a graph: how the linear layers of a family are applied, with or without an adapter.

import { add, gatherRows, gemm, linear, scale, type Value } from '@ludic/graph';
import { type LoraConfig, loraNames, loraScale } from '../adapters/adapter.ts';
import type { ModelConfig } from '../config/model-config.ts';
import type { Weights } from './family.ts';
import type { Precision } from './precision.ts';
import { tensorsOf } from './registry.ts';

/** Weights over whatever gives a tensor by its name: a graph's input, or a constant. */
export function weightsOf(
  config: ModelConfig,
  tensor: (name: string) => Value,
  adapter?: LoraConfig,
  precision: Precision = 'float32',
): Weights {
  const specs = tensorsOf(config);
  const adapted = new Set(adapter && loraNames(config, adapter));
  return {
    tensor,
    rows: (name, indices) => gatherRows(tensor(name), indices),
    linear(x, name) {
      const weight = tensor(`${name}.weight`);
      const bias = specs.has(`${name}.bias`) ? tensor(`${name}.bias`) : undefined;
      const plain =
        specs.get(`${name}.weight`)!.linear === 'in_out'
          ? withBias(gemm(x, weight, { in: precision }), bias)
          : linear(x, weight, bias, precision);
      if (!adapter || !adapted.has(name)) return plain;
      // The detour through a few dimensions: A [rank, in], then B [out, rank].
      const narrow = linear(x, tensor(`${name}.lora_A.weight`), undefined, precision);
      const wide = linear(narrow, tensor(`${name}.lora_B.weight`), undefined, precision);
      return add(plain, scale(wide, loraScale(adapter)));
    },
  };
}

export const withBias = (x: Value, bias: Value | undefined): Value => (bias ? add(x, bias) : x);
