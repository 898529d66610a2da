// Configs as they are published, and configs that would change the numbers: the first load, the second are refused by
// name, and nothing else happens to any.

import { floats, int32 } from '@ludic/runtime';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { folder, runtime } from '../../testing/golden.ts';
import { GENERATION_CONFIG_FIELDS, MODEL_CONFIG_FIELDS, PEFT_FIELDS } from '../../testing/library-fields.ts';
import { PUBLISHED } from '../../testing/published-configs.ts';
import { readAdapter } from '../adapters/adapter.ts';
import { ADAPTER_FIELDS } from '../adapters/adapter-fields.ts';
import { familyOf, readConfig, unheededFields, writeConfig } from '../architectures/registry.ts';
import { readCheckpoint, readModelConfig } from '../checkpoints/checkpoint.ts';
import type { ModelFiles } from '../checkpoints/model-files.ts';
import { ModelError } from '../errors.ts';
import { buildDecoder, prefillInputs } from '../graphs/decode-graph.ts';
import { openModelFolder } from '../node.ts';
import { readTemplateSource } from '../text/chat-template.ts';
import { GENERATION_FIELDS } from './generation-fields.ts';
import type { FieldTable } from './known-fields.ts';
import { FAMILY_NAMES, type Json } from './model-config.ts';

describe.each(Object.entries(PUBLISHED))('the published config of %s', (_name, json) => {
  it('loads, says nothing unknown, and is the same when written and read again', () => {
    const config = readConfig(json);
    expect(unheededFields(json, config)).toEqual([]);
    expect(readConfig(writeConfig(config))).toEqual(config);
  });
});

describe('each field that the libraries of others know', () => {
  it.each<[string, readonly string[], FieldTable]>([
    ['adapter_config.json', PEFT_FIELDS, ADAPTER_FIELDS],
    ['generation_config.json', GENERATION_CONFIG_FIELDS, GENERATION_FIELDS],
    ...FAMILY_NAMES.map((family): [string, readonly string[], FieldTable] => [
      `config.json of ${family}`,
      MODEL_CONFIG_FIELDS[family]!,
      familyOf({ family }).fields,
    ]),
  ])('is understood in %s', (_file, fields, table) => {
    expect(fields.length).toBeGreaterThan(30);
    expect(fields.filter((field) => !Object.hasOwn(table, field))).toEqual([]);
  });
});

const llama = PUBLISHED['meta-llama/Llama-3.2-1B-Instruct']!;
const qwen2 = PUBLISHED['Qwen/Qwen2.5-0.5B-Instruct']!;
const gemma = PUBLISHED['google/gemma-3-270m-it']!;
const gpt2 = PUBLISHED['openai-community/gpt2']!;

describe('a config that would change the computation', () => {
  it.each<[Json, Json, RegExp]>([
    [llama, { attention_bias: true }, /attention_bias is true; known: false/],
    [llama, { mlp_bias: true }, /mlp_bias is true/],
    [llama, { hidden_act: 'gelu' }, /hidden_act is "gelu"; known: "silu"/],
    [llama, { sliding_window: 4096 }, /sliding_window is 4096, which is not computed here/],
    [llama, { partial_rotary_factor: 0.5 }, /partial_rotary_factor is 0.5/],
    [llama, { rope_scaling: { rope_type: 'yarn', factor: 4 } }, /type "yarn" is not known/],
    [llama, { rope_scaling: { rope_type: 'linear', factor: 4, mscale: 2 } }, /mscale of its rotary positions/],
    [llama, { tie_word_embeddings: 'yes' }, /tie_word_embeddings is "yes"; true or false is needed/],
    [qwen2, { use_sliding_window: 'true' }, /use_sliding_window is "true"; true or false is needed/],
    [llama, { rope_scaling: 8 }, /rope_scaling is 8; an object is needed/],
    [llama, { rope_interleaved: true }, /rope_interleaved is true/],
    [llama, { layer_types: Array(16).fill('sliding_attention') }, /there is no sliding window/],
    [llama, { num_local_experts: 8 }, /num_local_experts is 8/],
    [llama, { logit_scale: 0.0625 }, /logit_scale is 0.0625/],
    [llama, { residual_multiplier: 0.22 }, /residual_multiplier is 0.22/],
    [llama, { embedding_multiplier: 12 }, /embedding_multiplier is 12/],
    [llama, { no_rope_layers: [1, 1, 1, 0] }, /no_rope_layers is \[1,1,1,0\]/],
    [llama, { num_hidden_layers: 1e9 }, /num_hidden_layers is 1000000000; at most 1024 can be/],
    [llama, { vocab_size: 2 ** 40 }, /vocab_size is 1099511627776; at most/],
    [qwen2, { attention_bias: false }, /attention_bias is false; known: true/],
    [gemma, { attn_logit_softcapping: 50 }, /attn_logit_softcapping is 50/],
    [gemma, { final_logit_softcapping: 30 }, /final_logit_softcapping is 30/],
    [gemma, { use_bidirectional_attention: true }, /use_bidirectional_attention is true/],
    [gemma, { hidden_activation: 'gelu' }, /hidden_activation is "gelu"/],
    [gemma, { rope_parameters: { rope_type: 'default', rope_theta: 1 } }, /rope_parameters says "rope_type"/],
    [gpt2, { scale_attn_weights: false }, /scale_attn_weights is false; known: true/],
    [gpt2, { scale_attn_by_inverse_layer_idx: true }, /scale_attn_by_inverse_layer_idx is true/],
    [gpt2, { activation_function: 'relu' }, /activation_function is "relu"/],
    [llama, { quantization_config: { quant_method: 'gptq', bits: 4 } }, /quantized \(GPTQ, 4 bits\)/],
    [llama, { quantization_config: { quant_method: 'awq', bits: 4 } }, /quantized \(AWQ, 4 bits\)/],
    [llama, { quantization_config: { load_in_4bit: true } }, /quantized \(bitsandbytes, 4 bits\)/],
    [llama, { quantization_config: { quant_method: 'fp8' } }, /quantized \(FP8\)/],
    [llama, { quantization: { group_size: 64, bits: 4 } }, /quantized \(MLX, 4 bits\)/],
    [gemma, { model_type: 'gemma3' }, /Gemma 3 with images/],
    [llama, { model_type: undefined }, /it has no model_type\. Known: llama/],
    [llama, { hidden_size: undefined }, /hidden_size is missing; a whole number above 0 is needed/],
    [llama, { model_type: 'mixtral' }, /model_type "mixtral" is not known/],
  ])('is refused by name: %#', (base, change, message) => {
    let error: unknown;
    try {
      readConfig({ ...base, ...change });
    } catch (caught) {
      error = caught;
    }
    expect(error).toBeInstanceOf(ModelError);
    expect(String((error as Error).message)).toMatch(message);
  });

  it('has the window of its family where it says that there is one, and not how large', () => {
    const windowed: Json = { ...qwen2, use_sliding_window: true, max_window_layers: 1, sliding_window: undefined };
    expect(readConfig(windowed).slidingWindow).toMatchObject({ size: 4096 });
    expect(readConfig({ ...windowed, sliding_window: null }).slidingWindow).toBeUndefined();
  });

  it('is told apart from one with unknown fields, which are named', () => {
    const json = { ...llama, a_new_idea: 3, auto_map: { AutoModel: 'x.Y' }, another: null };
    expect(unheededFields(json, readConfig(json))).toEqual(['a_new_idea', 'auto_map']);
  });

  it('however it is changed is read or refused with one sentence, at once', () => {
    const values = fc.oneof(
      fc.jsonValue({ maxDepth: 2 }),
      fc.constantFrom(0, -1, 1e9, 1e300, 0.5, '', 'yarn', true, null),
    );
    const names = [
      ...new Set(
        [...Object.values(PUBLISHED), ...FAMILY_NAMES.map((family) => familyOf({ family }).fields)].flatMap(
          Object.keys,
        ),
      ),
    ];
    const rope = fc.dictionary(
      fc.constantFrom('rope_type', 'factor', 'rope_theta', 'full_attention', 'low_freq_factor'),
      values,
    );
    const change = fc.oneof(
      fc.dictionary(fc.constantFrom(...names), values, { maxKeys: 3 }),
      fc.record({ rope_parameters: rope }),
      fc.record({ rope_scaling: rope }),
    );
    fc.assert(
      fc.property(fc.constantFrom(...Object.values(PUBLISHED)), change, (json, changed) => {
        try {
          const config = readConfig({ ...json, ...changed });
          expect(config.layers).toBeLessThanOrEqual(1024);
        } catch (error) {
          expect(error).toBeInstanceOf(ModelError);
          expect((error as Error).message).toMatch(/^config\.json: .*\.$/s);
          expect((error as Error).message.length).toBeLessThan(600);
        }
      }),
      { numRuns: 1000 },
    );
  });
});

describe('a file beside the weights', () => {
  const text = (json: unknown) => new TextEncoder().encode(JSON.stringify(json));
  const lora = { peft_type: 'LORA', r: 4, lora_alpha: 8, target_modules: ['q_proj'] };
  /** What is said of a field's value in one of the files of a model or an adapter. */
  const told = async (name: string, json: unknown): Promise<string> => {
    const contents: Record<string, Uint8Array> = {
      'config.json': text(llama),
      'adapter_model.safetensors': new Uint8Array(8),
      [name]: text(json),
    };
    const files: ModelFiles = { name: 'a-model', read: async (file) => contents[file] };
    try {
      if (name === 'adapter_config.json') await readAdapter(files, readConfig(llama));
      else if (name === 'tokenizer_config.json') await readTemplateSource(files);
      else await readModelConfig(files);
      return 'none';
    } catch (error) {
      expect(error).toBeInstanceOf(ModelError);
      return (error as Error).message;
    }
  };

  it.each(['config.json', 'generation_config.json', 'adapter_config.json'])('that is no object: %s', async (name) => {
    for (const json of [null, [], 'text', 3, true]) {
      const message = await told(name, json);
      expect(message).toContain(name);
      expect(message).toMatch(/holds no object\.$/);
    }
  });

  it.each([5, true, { default: 'x' }])('that has a chat template which is no text: %j', async (template) => {
    const message = await told('tokenizer_config.json', { chat_template: template });
    expect(message).toMatch(/^The chat_template in tokenizer_config\.json of a-model is .*; a text is needed\.$/);
  });

  it.each<[string, FieldTable, object]>([
    ['generation_config.json', GENERATION_FIELDS, {}],
    ['adapter_config.json', ADAPTER_FIELDS, lora],
  ])('however %s is changed is read or refused with one sentence', async (name, table, json) => {
    const field = fc.constantFrom(...Object.keys(table), 'a_new_field');
    const values = fc.oneof(
      fc.jsonValue({ maxDepth: 2 }),
      fc.constantFrom(0, -1, 1e300, '', 'pissa', true, null, [], {}),
    );
    await fc.assert(
      fc.asyncProperty(fc.dictionary(field, values, { maxKeys: 3 }), async (changed) => {
        const message = await told(name, { ...json, ...changed });
        expect(message.length).toBeLessThan(500);
        expect(message).not.toMatch(/undefined|is not a function|is not iterable|Cannot read|\[object/);
        if (message !== 'none') expect(message).toMatch(/\.$/);
      }),
      { numRuns: 400 },
    );
  });
});

describe('Gemma 3 as transformers 5 saves it', () => {
  it('turns by the rope_parameters of each kind of layers', async () => {
    const { config, parameters, warnings } = await readCheckpoint(
      await openModelFolder(folder('gemma3-rope-parameters')),
    );
    expect(warnings).toEqual([]);
    expect(config.rotary).toEqual({ theta: 1_000_000, scaling: { factor: 8 } });
    expect(config.localRotary).toEqual({ theta: 10_000 });
    const ids = [5, 9, 33, 12, 7, 40, 21, 3, 18, 50];
    const program = await runtime.load(buildDecoder(config, { prefix: false, past: false }));
    const { inputs } = prefillInputs(config, [Int32Array.from(ids)]);
    const at = int32([0, 1, 2, 3, 4], [5]);
    const { logits } = await program.run({ ...parameters, ...inputs, logit_positions: at });
    await program.dispose();
    const rows = floats(logits as Parameters<typeof floats>[0]);
    const logprobs = [0, 1, 2, 3, 4].map((row) => {
      const numbers = rows.subarray(row * config.vocabSize, (row + 1) * config.vocabSize);
      const most = Math.max(...numbers);
      return numbers[ids[row + 1]!]! - most - Math.log(numbers.reduce((sum, x) => sum + Math.exp(x - most), 0));
    });
    for (const [i, expected] of [-10.6585, -12.8697, -15.4979, -15.2943, -11.2856].entries())
      expect(logprobs[i]).toBeCloseTo(expected, 3);
    expect(readConfig(writeConfig(config))).toEqual(config);
  });
});
