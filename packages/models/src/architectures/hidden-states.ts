// The network of any family, layer by layer: the one place where all graphs of a model build it.

import { checkpointed, type Value } from '@ludic/graph';
import type { Network } from './family.ts';
import { familyOf } from './registry.ts';

/**
 * Hidden states [tokens, hiddenSize] after the last layer, before the final norm.
 * @param gradientCheckpointing keep only what goes into each layer and compute the layer again when its gradient is due
 */
export function hiddenStates(network: Network, gradientCheckpointing = false): Value {
  const { config, weights, tokens } = network;
  const family = familyOf(config);
  let x = family.embed(config, weights, tokens);
  for (let layer = 0; layer < config.layers; layer++) {
    const build = (input: Value) => family.layer(input, layer, network);
    x = gradientCheckpointing ? checkpointed(x, build) : build(x);
  }
  return x;
}
