// Qwen3: normed queries and keys, and heads whose width does not depend on that of the network.

import { QWEN_FIELDS } from './qwen2.ts';
import { rotaryDecoder } from './rotary-decoder.ts';

export const qwen3 = rotaryDecoder({
  name: 'qwen3',
  architecture: 'Qwen3ForCausalLM',
  fields: QWEN_FIELDS,
  qkvBias: false,
  qkNorm: true,
  headDim: 128,
});
