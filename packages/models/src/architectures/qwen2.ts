// Qwen2 and Qwen2.5: biases of queries, keys and values, which config.json does not mention.

import { rotaryDecoder } from './rotary-decoder.ts';

export const qwen2 = rotaryDecoder({ name: 'qwen2', architecture: 'Qwen2ForCausalLM', qkvBias: true, qkNorm: false });
