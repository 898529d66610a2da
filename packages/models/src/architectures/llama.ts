// Llama 1 to 3.x, SmolLM2 and their like: the plain rotary decoder.

import { ROTARY_FIELDS } from '../config/model-fields.ts';
import { rotaryDecoder } from './rotary-decoder.ts';

export const llama = rotaryDecoder({
  name: 'llama',
  architecture: 'LlamaForCausalLM',
  fields: { ...ROTARY_FIELDS, is_llama_config: 'harmless' },
  // There neighbouring numbers of a head turn together, here those that are half a head apart.
  gguf: {
    architecture: 'llama',
    layoutOf: (name) => (/self_attn\.[qk]_proj\.weight$/.test(name) ? 'paired_rows' : undefined),
  },
  qkvBias: false,
  qkNorm: false,
});
