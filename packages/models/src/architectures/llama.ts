// Llama 1 to 3.x, SmolLM2 and their like: the plain rotary decoder.

import { ROTARY_FIELDS } from '../config/model-fields.ts';
import { rotaryDecoder } from './rotary-decoder.ts';

export const llama = rotaryDecoder({
  name: 'llama',
  architecture: 'LlamaForCausalLM',
  fields: { ...ROTARY_FIELDS, is_llama_config: 'harmless' },
  qkvBias: false,
  qkNorm: false,
});
