// Llama 1 to 3.x, SmolLM2 and their like: the plain rotary decoder.

import { rotaryDecoder } from './rotary-decoder.ts';

export const llama = rotaryDecoder({
  name: 'llama',
  architecture: 'LlamaForCausalLM',
  qkvBias: false,
  qkNorm: false,
});
