// Qwen2 and Qwen2.5: biases of queries, keys and values, which config.json does not mention.

import { computed, type FieldTable, refused } from '../config/known-fields.ts';
import { ROTARY_FIELDS } from '../config/model-fields.ts';
import { rotaryDecoder } from './rotary-decoder.ts';

/** The fields that Qwen2 and Qwen3 share. */
export const QWEN_FIELDS: FieldTable = {
  ...ROTARY_FIELDS,
  ...computed('use_sliding_window sliding_window max_window_layers'),
  ...refused('use_mrope'),
};

export const qwen2 = rotaryDecoder({
  name: 'qwen2',
  architecture: 'Qwen2ForCausalLM',
  // Its biases of queries, keys and values are always there.
  fields: { ...QWEN_FIELDS, attention_bias: { fine: [true], notFine: [false] } },
  qkvBias: true,
  qkNorm: false,
});
