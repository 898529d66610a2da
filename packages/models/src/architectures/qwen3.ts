// Qwen3: normed queries and keys, and heads whose width has nothing to do with that of the network.

import { rotaryDecoder } from './rotary-decoder.ts';

export const qwen3 = rotaryDecoder({
  name: 'qwen3',
  architecture: 'Qwen3ForCausalLM',
  qkvBias: false,
  qkNorm: true,
  headDim: 128,
});
