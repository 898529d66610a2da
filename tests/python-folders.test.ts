// Folders as transformers and PEFT save them, of every family that is known here, plain and with what their configs can
// change: each gives the log-probabilities that Python gives, or is refused by the name of the field. Skipped where
// LUDIC_PYTHON, or python3, has no transformers and peft.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DEFAULT_ADAMW, DEFAULT_LOSS, Learner } from '../packages/grpo/src/index.ts';
import { mergeAdapter, readAdapter, readCheckpoint } from '../packages/models/src/index.ts';
import { openAdapterFolder, openModelFolder } from '../packages/models/src/node.ts';
import {
  GENERATION_CONFIG_FIELDS,
  MODEL_CONFIG_FIELDS,
  PEFT_FIELDS,
} from '../packages/models/testing/library-fields.ts';
import { ResidentTensors, type Runtime } from '../packages/runtime/src/index.ts';
import { createRuntime } from '../packages/runtime/src/node.ts';

const PYTHON = process.env.LUDIC_PYTHON ?? 'python3';
// Looked for, not imported, which takes seconds.
const LOOK = 'import importlib.util as i; exit(not all(map(i.find_spec, ["torch", "transformers", "peft"])))';
const isThere = spawnSync(PYTHON, ['-c', LOOK], { stdio: 'ignore' }).status === 0;
const SCRIPT = fileURLToPath(new URL('./python_folders.py', import.meta.url));

const IDS = [5, 17, 3, 42, 9, 60, 11, 2, 33, 8, 71, 4, 50, 21, 7, 66, 1, 30, 12, 44, 80, 6, 90, 13];
const ROTARY = {
  vocab_size: 96,
  hidden_size: 32,
  intermediate_size: 48,
  num_hidden_layers: 3,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  head_dim: 8,
  max_position_embeddings: 64,
};
const GPT2 = { vocab_size: 96, n_embd: 32, n_layer: 3, n_head: 4, n_positions: 64 };
const GEMMA = { ...ROTARY, sliding_window: 4 };
const WINDOW = { use_sliding_window: true, sliding_window: 4 };
const MIXED = ['sliding_attention', 'full_attention', 'sliding_attention'];
const LINEAR = { rope_type: 'linear', factor: 3, rope_theta: 5000 };
const YARN = { rope_type: 'yarn', factor: 4, original_max_position_embeddings: 16, rope_theta: 10_000 };
const LLAMA3 = {
  rope_type: 'llama3',
  factor: 8,
  low_freq_factor: 1,
  high_freq_factor: 4,
  original_max_position_embeddings: 16,
  rope_theta: 10_000,
};
const GEMMA_ROPE = { full_attention: LINEAR, sliding_attention: { rope_type: 'default', rope_theta: 100 } };

type Settings = Readonly<Record<string, unknown>>;
/** What the sentence says where a folder is refused. */
type Refusal = RegExp;

const MODELS: Readonly<Record<string, readonly [family: string, settings: Settings, refused?: Refusal]>> = {
  llama: ['llama', ROTARY],
  'llama, tied': ['llama', { ...ROTARY, tie_word_embeddings: true }],
  'llama, biases of attention': ['llama', { ...ROTARY, attention_bias: true }, /attention_bias is true/],
  'llama, biases of the MLP': ['llama', { ...ROTARY, mlp_bias: true }, /mlp_bias is true/],
  'llama, GELU': ['llama', { ...ROTARY, hidden_act: 'gelu' }, /hidden_act is "gelu"/],
  'llama, wide heads': ['llama', { ...ROTARY, head_dim: 12 }],
  'llama, linear rope': ['llama', { ...ROTARY, rope_parameters: LINEAR }],
  'llama, llama3 rope': ['llama', { ...ROTARY, rope_parameters: LLAMA3 }],
  'llama, yarn': ['llama', { ...ROTARY, rope_parameters: YARN }, /rope scaling of type "yarn" is not known/],
  'llama, dynamic rope': [
    'llama',
    { ...ROTARY, max_position_embeddings: 16, rope_parameters: { ...LINEAR, rope_type: 'dynamic' } },
    /rope scaling of type "dynamic" is not known/,
  ],
  'llama, half turned': [
    'llama',
    { ...ROTARY, rope_parameters: { rope_type: 'default', partial_rotary_factor: 0.5, rope_theta: 10_000 } },
    /partial_rotary_factor is 0.5/,
  ],
  qwen2: ['qwen2', ROTARY],
  'qwen2, tied': ['qwen2', { ...ROTARY, tie_word_embeddings: true }],
  'qwen2, windows': ['qwen2', { ...ROTARY, ...WINDOW, max_window_layers: 1 }],
  'qwen2, kinds of layers': ['qwen2', { ...ROTARY, ...WINDOW, layer_types: MIXED }],
  'qwen2, windows switched off': ['qwen2', { ...ROTARY, ...WINDOW, use_sliding_window: false }],
  'qwen2, yarn': ['qwen2', { ...ROTARY, rope_parameters: YARN }, /type "yarn" is not known/],
  qwen3: ['qwen3', ROTARY],
  'qwen3, tied': ['qwen3', { ...ROTARY, tie_word_embeddings: true }],
  'qwen3, biases of attention': ['qwen3', { ...ROTARY, attention_bias: true }, /attention_bias is true/],
  'qwen3, windows': ['qwen3', { ...ROTARY, ...WINDOW, max_window_layers: 2 }],
  'qwen3, linear rope': ['qwen3', { ...ROTARY, rope_parameters: LINEAR }],
  gemma3: ['gemma3_text', { ...GEMMA, layer_types: MIXED }],
  'gemma3, untied': ['gemma3_text', { ...GEMMA, tie_word_embeddings: false }],
  'gemma3, another scale of queries': ['gemma3_text', { ...GEMMA, query_pre_attn_scalar: 20 }],
  'gemma3, every second layer full': ['gemma3_text', { ...GEMMA, sliding_window_pattern: 2 }],
  'gemma3, rope by kinds of layers': ['gemma3_text', { ...GEMMA, layer_types: MIXED, rope_parameters: GEMMA_ROPE }],
  'gemma3, capped logits': [
    'gemma3_text',
    { ...GEMMA, final_logit_softcapping: 5.5 },
    /final_logit_softcapping is 5.5/,
  ],
  'gemma3, capped attention': [
    'gemma3_text',
    { ...GEMMA, attn_logit_softcapping: 5.5 },
    /attn_logit_softcapping is 5.5/,
  ],
  'gemma3, biases of attention': ['gemma3_text', { ...GEMMA, attention_bias: true }, /attention_bias is true/],
  'gemma3, both directions': ['gemma3_text', { ...GEMMA, use_bidirectional_attention: true }, /use_bidirectional/],
  gpt2: ['gpt2', GPT2],
  'gpt2, untied': ['gpt2', { ...GPT2, tie_word_embeddings: false }],
  'gpt2, narrow MLP': ['gpt2', { ...GPT2, n_inner: 40 }],
  'gpt2, ReLU': ['gpt2', { ...GPT2, activation_function: 'relu' }, /activation_function is "relu"/],
  'gpt2, unscaled': ['gpt2', { ...GPT2, scale_attn_weights: false }, /scale_attn_weights is false/],
  'gpt2, scaled by layer': ['gpt2', { ...GPT2, scale_attn_by_inverse_layer_idx: true }, /scale_attn_by_inverse/],
  'gpt2, reordered': ['gpt2', { ...GPT2, reorder_and_upcast_attn: true }],
};

const LORA = { r: 4, lora_alpha: 6, target_modules: ['q_proj', 'down_proj'] };

const ADAPTERS: Readonly<
  Record<string, readonly [base: string, settings: Settings, refused?: Refusal, converted?: 'converted']>
> = {
  plain: ['llama', LORA],
  'all linear layers': ['qwen3', { ...LORA, target_modules: 'all-linear' }],
  gaussian: ['llama', { ...LORA, init_lora_weights: 'gaussian' }],
  orthogonal: ['llama', { ...LORA, init_lora_weights: 'orthogonal' }],
  'not initialized': ['llama', { ...LORA, init_lora_weights: false }],
  'rank-stabilized': ['qwen2', { ...LORA, use_rslora: true }],
  'Conv1D of gpt2': ['gpt2', { ...LORA, target_modules: ['c_attn', 'mlp.c_proj'], fan_in_fan_out: true }],
  pissa: ['llama', { ...LORA, init_lora_weights: 'pissa' }, /init_lora_weights is "pissa"/],
  'quick pissa': ['llama', { ...LORA, init_lora_weights: 'pissa_niter_2' }, /init_lora_weights is "pissa_niter_2"/],
  'pissa, converted': ['llama', { ...LORA, init_lora_weights: 'pissa' }, undefined, 'converted'],
  olora: ['llama', { ...LORA, init_lora_weights: 'olora' }, /init_lora_weights is "olora"/],
  'olora, converted': ['gemma3', { ...LORA, init_lora_weights: 'olora' }, undefined, 'converted'],
  dora: ['llama', { ...LORA, use_dora: true }, /use_dora is true/],
  'biases of the base': ['qwen2', { ...LORA, bias: 'lora_only' }, /bias is "lora_only"/],
  'biases of its own': ['llama', { ...LORA, lora_bias: true }, /lora_bias is true/],
  'ranks by layer': ['llama', { ...LORA, rank_pattern: { q_proj: 2 } }, /rank_pattern is/],
  'alphas by layer': ['llama', { ...LORA, alpha_pattern: { q_proj: 2 } }, /alpha_pattern is/],
  'one layer': ['llama', { ...LORA, layers_to_transform: [1] }, /layers_to_transform is \[1\]/],
  'a pattern of names': ['llama', { ...LORA, target_modules: '.*q_proj' }, /target_modules is no list of names/],
  'all but some': ['llama', { ...LORA, exclude_modules: ['layers.1.self_attn.q_proj'] }, /exclude_modules is/],
  'a head as a whole': ['llama', { ...LORA, modules_to_save: ['lm_head'] }, /modules_to_save is/],
  'tokens of its own': ['llama', { ...LORA, trainable_token_indices: [1, 2] }, /trainable_token_indices is/],
  'layers twice': [
    'llama',
    {
      ...LORA,
      layer_replication: [
        [0, 2],
        [1, 3],
      ],
    },
    /layer_replication is/,
  ],
  'an adapter of a parameter': [
    'llama',
    { ...LORA, target_modules: ['q_proj'], target_parameters: ['layers.0.mlp.down_proj.weight'] },
    /target_parameters is/,
  ],
  'switched on by tokens': ['llama', { ...LORA, alora_invocation_tokens: [3, 42] }, /alora_invocation_tokens is/],
};

const place = mkdtempSync(join(tmpdir(), 'ludic-folders-'));
let expected: { readonly logprobs: Readonly<Record<string, number[] | string>>; readonly fields: unknown };
let runtime: Runtime;

beforeAll(async () => {
  if (!isThere) return;
  const models = Object.entries(MODELS).map(([name, [family, settings]]) => [name, [family, settings]]);
  const adapters = Object.entries(ADAPTERS).map(([name, [base, settings, , converted]]) => [
    `adapter, ${name}`,
    [base, settings, converted !== undefined],
  ]);
  const cases = { ids: IDS, models: Object.fromEntries(models), adapters: Object.fromEntries(adapters) };
  writeFileSync(join(place, 'cases.json'), JSON.stringify(cases));
  const environment = { ...process.env, HF_HUB_OFFLINE: '1' };
  const { status, stderr } = spawnSync(PYTHON, [SCRIPT, place], { encoding: 'utf8', env: environment });
  if (status !== 0) throw new Error(stderr);
  expected = JSON.parse(readFileSync(join(place, 'expected.json'), 'utf8'));
  runtime = await createRuntime({ device: 'cpu', threads: 1 });
}, 120_000);
afterAll(() => rmSync(place, { recursive: true, force: true }));

async function ourLogprobs(model: string, adapter?: string): Promise<readonly number[]> {
  const { config, parameters, warnings } = await readCheckpoint(await openModelFolder(join(place, model)));
  expect(warnings).toEqual([]);
  const merged =
    adapter === undefined
      ? parameters
      : mergeAdapter(config, parameters, await readAdapter(await openAdapterFolder(join(place, adapter)), config));
  const learner = new Learner({
    runtime,
    config,
    parameters: await ResidentTensors.of(runtime, merged),
    objective: DEFAULT_LOSS,
    adamw: DEFAULT_ADAMW,
    temperature: 1,
    tokenBudget: 1000,
  });
  const { logprobs } = await learner.score([
    { prompt: Int32Array.of(IDS[0]!), completion: Int32Array.from(IDS.slice(1)) },
  ]);
  await learner.dispose();
  return Array.from(logprobs[0]!);
}

async function compare(
  name: string,
  score: () => Promise<readonly number[]>,
  refused: Refusal | undefined,
): Promise<void> {
  const theirs = expected.logprobs[name]!;
  // A text says why the library saves no such folder.
  expect(theirs).toBeInstanceOf(Array);
  if (refused) return expect(score()).rejects.toThrow(refused);
  for (const [i, logprob] of (await score()).entries())
    expect(Math.abs(logprob - (theirs[i] as number))).toBeLessThan(1e-4);
}

describe.skipIf(!isThere)('a model saved by transformers', () => {
  it.each(Object.entries(MODELS))('%s', (name, [, , refused]) => compare(name, () => ourLogprobs(name), refused));
});

describe.skipIf(!isThere)('an adapter saved by PEFT', () => {
  it.each(Object.entries(ADAPTERS))('%s', (name, [base, , refused]) =>
    compare(`adapter, ${name}`, () => ourLogprobs(base, `adapter, ${name}`), refused),
  );
});

describe.skipIf(!isThere)('the fields of the libraries', () => {
  it('are those that are known here', () => {
    expect(expected.fields).toEqual({
      lora: PEFT_FIELDS,
      generation: GENERATION_CONFIG_FIELDS,
      models: MODEL_CONFIG_FIELDS,
    });
  });
});
