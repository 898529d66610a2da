// Every field of OpenAI's requests, and of vLLM's beside them: honoured, without meaning here, or refused by name.

import { describe, expect, it } from 'vitest';
import { chatComplaint, chatRequest } from './request.ts';

const messages = [{ role: 'user', content: 'Hello' }];
const parse = (fields: object) => chatRequest.safeParse({ model: 'nano', messages, ...fields });
const refusalOf = (fields: object) => chatComplaint(parse(fields).error!);

const TOOL = { type: 'function', function: { name: 'f', description: 'Looks.', parameters: { type: 'object' } } };

/** As in OpenAI's reference, but for model and messages; vLLM's after them. Values that are taken, values that are not. */
const FIELDS: Readonly<Record<string, { readonly taken: readonly unknown[]; readonly refused: readonly unknown[] }>> = {
  audio: { taken: [], refused: [{ voice: 'alloy', format: 'wav' }] },
  frequency_penalty: { taken: [0], refused: [0.5, -2] },
  function_call: { taken: ['none', 'auto'], refused: [{ name: 'f' }] },
  functions: { taken: [[]], refused: [[{ name: 'f' }]] },
  logit_bias: { taken: [{}], refused: [{ 5: 100 }] },
  logprobs: { taken: [true, false], refused: [5, 'yes'] },
  max_completion_tokens: { taken: [1, 5_000_000], refused: [0, -1, 1.5, '5'] },
  max_tokens: { taken: [1, 5_000_000], refused: [0, -24_955, '5'] },
  metadata: { taken: [{ a: 'b' }, {}], refused: [] },
  modalities: { taken: [['text']], refused: [['text', 'audio']] },
  n: { taken: [1, 128], refused: [0, 129, 1.5] },
  parallel_tool_calls: { taken: [true, false], refused: ['no'] },
  prediction: { taken: [], refused: [{ type: 'content', content: 'x' }] },
  presence_penalty: { taken: [0], refused: [0.5] },
  prompt_cache_key: { taken: ['k'], refused: [] },
  prompt_cache_retention: { taken: ['24h'], refused: [] },
  reasoning_effort: { taken: ['none'], refused: ['low', 'high'] },
  response_format: {
    taken: [{ type: 'text' }, { type: 'json_object' }],
    refused: [{ type: 'json_schema', json_schema: { name: 'x', schema: {} } }],
  },
  safety_identifier: { taken: ['me'], refused: [] },
  seed: { taken: [0, -5, 2 ** 40], refused: [1.5, 'x'] },
  service_tier: { taken: ['auto', 'flex'], refused: [] },
  stop: { taken: ['.', ['.', '!'], []], refused: ['', [''], 5, Array(17).fill('a')] },
  store: { taken: [true, false], refused: [] },
  stream: { taken: [true, false], refused: ['yes'] },
  stream_options: { taken: [{ include_usage: true }, { include_obfuscation: false }, {}], refused: [true] },
  temperature: { taken: [0, 2], refused: [-1, 'hot'] },
  tool_choice: {
    taken: ['none', 'auto'],
    refused: ['required', 'f', { type: 'function', function: { name: 'f' } }, 5],
  },
  tools: {
    taken: [[], [TOOL], [{ type: 'function', function: { ...TOOL.function, description: null, strict: false } }]],
    refused: [
      [{}],
      [{ type: 'custom', custom: { name: 'f' } }],
      [{ type: 'function', function: { name: '' } }],
      [{ type: 'function', function: { name: 'f', strict: true } }],
      [{ type: 'function', function: { name: 'f', examples: [] } }],
      Array(129).fill(TOOL),
    ],
  },
  top_logprobs: { taken: [0], refused: [3, 21, -1] },
  top_p: { taken: [0.1, 1], refused: [0, 1.1] },
  user: { taken: ['me'], refused: [] },
  verbosity: { taken: ['medium'], refused: ['low', 'high'] },
  web_search_options: { taken: [], refused: [{}] },
  // Of vLLM.
  add_generation_prompt: { taken: [true], refused: [false] },
  add_special_tokens: { taken: [false], refused: [true] },
  allowed_token_ids: { taken: [], refused: [[1, 2], []] },
  bad_words: { taken: [[]], refused: [['x']] },
  best_of: { taken: [1], refused: [2] },
  cache_salt: { taken: ['x'], refused: [] },
  chat_template: { taken: [], refused: ['{{ messages }}'] },
  chat_template_kwargs: { taken: [{}], refused: [{ enable_thinking: false }] },
  continue_final_message: { taken: [false], refused: [true] },
  documents: { taken: [[]], refused: [[{ text: 'x' }]] },
  echo: { taken: [false], refused: [true] },
  guided_choice: { taken: [], refused: [['a', 'b']] },
  guided_decoding_backend: { taken: [], refused: ['outlines'] },
  guided_grammar: { taken: [], refused: ['root ::= "a"'] },
  guided_json: { taken: [], refused: [{}, { type: 'object' }] },
  guided_regex: { taken: [], refused: ['[0-9]+'] },
  guided_whitespace_pattern: { taken: [], refused: [' '] },
  ignore_eos: { taken: [false], refused: [true] },
  include_reasoning: { taken: [true, false], refused: [] },
  include_stop_str_in_output: { taken: [true, false], refused: ['yes'] },
  kv_transfer_params: { taken: [], refused: [{ a: 1 }] },
  length_penalty: { taken: [1], refused: [2] },
  logits_processors: { taken: [[]], refused: [['x']] },
  media_io_kwargs: { taken: [{}], refused: [{ image: {} }] },
  min_p: { taken: [0], refused: [0.1] },
  min_tokens: { taken: [0], refused: [5] },
  mm_processor_kwargs: { taken: [{}], refused: [{ a: 1 }] },
  priority: { taken: [0, 5], refused: [] },
  prompt_logprobs: { taken: [], refused: [0, 5] },
  repetition_penalty: { taken: [1], refused: [1.1] },
  request_id: { taken: ['x'], refused: [] },
  return_token_ids: { taken: [true, false], refused: ['yes'] },
  return_tokens_as_token_ids: { taken: [false], refused: [true] },
  skip_special_tokens: { taken: [true], refused: [false] },
  spaces_between_special_tokens: { taken: [true, false], refused: [] },
  stop_token_ids: { taken: [[]], refused: [[2]] },
  structural_tag: { taken: [], refused: ['{}'] },
  structured_outputs: { taken: [], refused: [{ regex: 'a' }] },
  thinking_token_budget: { taken: [], refused: [100] },
  top_k: { taken: [0, 40, -1], refused: [-2, 1.5] },
  truncate_prompt_tokens: { taken: [], refused: [10, -1] },
  use_beam_search: { taken: [false], refused: [true] },
  vllm_xargs: { taken: [{}], refused: [{ a: 1 }] },
};

describe('a chat request', () => {
  it.each(Object.entries(FIELDS))('takes or refuses %s by its value, and takes null', (field, { taken, refused }) => {
    for (const value of [null, ...taken]) expect(parse({ [field]: value }).error).toBeUndefined();
    for (const value of refused) {
      const { details, message } = refusalOf({ [field]: value });
      expect(details[0]!.field.split('.')[0]).toBe(field);
      expect(message).toMatch(new RegExp(`^${field}(\\.\\w+)*: `));
    }
  });

  it.each([
    ['unknown_parameter', 'temprature', { temprature: 0.5 }],
    ['unsupported_parameter', 'min_p', { min_p: 0.1 }],
    ['invalid_type', 'temperature', { temperature: 'hot' }],
    ['invalid_value', 'temperature', { temperature: -1 }],
    ['missing_required_parameter', 'messages', { messages: undefined }],
    ['missing_required_parameter', 'model', { model: undefined }],
  ])('is refused with the code %s for %s', (reason, field, fields) => {
    const error = refusalOf(fields);
    expect([error.reason, error.details.map((detail) => detail.field)]).toEqual([reason, [field]]);
  });

  it('takes an answer of ours, and of the Python client, as a message of the conversation', () => {
    const answer = { role: 'assistant', content: 'Hi', refusal: null, annotations: [], audio: null, tool_calls: null };
    expect(parse({ messages: [...messages, answer, { role: 'user', content: 'Go on', name: 'ada' }] }).success).toBe(
      true,
    );
  });

  it('says in one sentence all that is wrong', () => {
    const { message } = refusalOf({ temperature: -1, ignore_eos: true });
    expect(message).toContain('temperature: ');
    expect(message).toContain('ignore_eos: The models here cannot do that; leave it out.');
  });
});
