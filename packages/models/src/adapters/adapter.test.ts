// Adapters against PEFT's numbers: logits, loss, gradients, merged logits, and files that PEFT reads.

import { readFileSync } from 'node:fs';
import { floats, type HostTensor, int32, type Runtime } from '@ludic/runtime';
import { describe, expect, it } from 'vitest';
import { openGpu } from '../../../runtime/testing/gpu.ts';
import { folder, largest, largestDifference, load, lossAndGradients, runtime } from '../../testing/golden.ts';
import {
  type Adapter,
  adapterFiles,
  type LoraConfig,
  loraShapes,
  type ModelConfig,
  mergeAdapter,
  newAdapter,
  readAdapter,
  readSafetensors,
  tensorsOf,
  toFloat32,
} from '../index.ts';
import { buildDecoder, prefillInputs } from '../internal.ts';
import { openAdapterFolder, openModelFolder } from '../node.ts';

const gpu = await openGpu();

const CASES = [
  ['llama-tiny-lora', 'llama-tiny'],
  ['gpt2-tiny-lora', 'gpt2-tiny'],
  ['qwen3-tiny-rslora', 'qwen3-tiny'],
] as const;

async function open(name: string, base: string) {
  const { config, parameters } = await load(base);
  const place = `adapters/${name}`;
  // adapter_config.json stands where a model has its config.json.
  const files = {
    name,
    read: async (file: string) => new Uint8Array(readFileSync(`${folder(place)}/${file}`)),
  };
  const adapter = await readAdapter(files, config);
  const { tensors } = readSafetensors(new Uint8Array(readFileSync(`${folder(place)}/golden.safetensors`)));
  const golden = (tensor: string) => toFloat32(tensors.get(tensor)!);
  const { data, shape } = tensors.get('input_ids')!;
  const ids = Int32Array.from(new BigInt64Array(data.slice().buffer), Number);
  const length = shape[1]!;
  const sequences = Array.from({ length: shape[0]! }, (_, row) => ids.slice(row * length, (row + 1) * length));
  return { config, parameters, adapter, golden, tensors, sequences };
}

async function logitsOf(
  config: ModelConfig,
  parameters: Readonly<Record<string, HostTensor>>,
  sequences: readonly Int32Array[],
  adapter?: LoraConfig,
  on: Runtime = runtime,
): Promise<Float32Array> {
  const options = { prefix: false, past: false, ...(adapter && { adapter }) };
  const program = await on.load(buildDecoder(config, options));
  const { inputs } = prefillInputs(config, sequences);
  const tokens = inputs.ids!.dims[0]!;
  const every = Array.from({ length: tokens }, (_, i) => i);
  const { logits } = await program.run({ ...parameters, ...inputs, logit_positions: int32(every, [tokens]) });
  await program.dispose();
  return floats(logits as HostTensor);
}

/** Our name of a gradient under PEFT's. */
const ownName = (tensor: string) =>
  tensor.replace(/^grad\.base_model\.model\./, 'grad.').replace('grad.transformer.', 'grad.');

/** a [n, k] · b [k, m], each transposed first if asked. */
function product(a: Float32Array, b: Float32Array, [n, k, m]: readonly number[], ta = false, tb = false): Float32Array {
  const at = (x: Float32Array, i: number, j: number, rows: number, columns: number, t: boolean) =>
    t ? x[j * rows + i]! : x[i * columns + j]!;
  return Float32Array.from({ length: n! * m! }, (_, e) => {
    const [i, j] = [Math.floor(e / m!), e % m!];
    let sum = 0;
    for (let l = 0; l < k!; l++) sum += at(a, i, l, n!, k!, ta) * at(b, l, j, k!, m!, tb);
    return sum;
  });
}

describe.each(CASES)('%s', (name, base) => {
  it('gives the logits of base and adapter, and the same when merged', async () => {
    const { config, parameters, adapter, golden, sequences } = await open(name, base);
    const apart = await logitsOf(config, { ...parameters, ...adapter.parameters }, sequences, adapter.config);
    expect(largestDifference(apart, golden('logits'))).toBeLessThan(5e-5);
    const merged = await logitsOf(config, mergeAdapter(config, parameters, adapter), sequences);
    expect(largestDifference(merged, golden('merged_logits'))).toBeLessThan(5e-5);
    expect(largestDifference(merged, apart)).toBeLessThan(1e-5);
  });

  it.each([false, true])(
    'gives the loss and the gradients of A and B, recomputed: %s',
    async (gradientCheckpointing) => {
      const { config, parameters, adapter, golden, tensors, sequences } = await open(name, base);
      const all = { ...parameters, ...adapter.parameters };
      const options = { adapter: adapter.config, gradientCheckpointing };
      const { output } = await lossAndGradients(config, all, sequences, { prefixLength: 0 }, options);
      expect(Math.abs(output('loss')[0]! - golden('loss')[0]!)).toBeLessThan(1e-5);
      const names = [...tensors.keys()].filter((tensor) => tensor.startsWith('grad.'));
      expect(names).toHaveLength(Object.keys(adapter.parameters).length);
      for (const tensor of names) {
        const expected = golden(tensor);
        expect(largestDifference(output(ownName(tensor)), expected), tensor).toBeLessThanOrEqual(
          1e-4 * largest(expected),
        );
      }
    },
  );

  // The room of golden.test.ts, for the same reason.
  it.skipIf(!gpu)('gives them on WebGPU too, with no part of the graph on the CPU', async () => {
    const { config, parameters, adapter, golden, tensors, sequences } = await open(name, base);
    const all = { ...parameters, ...adapter.parameters };
    const logits = await logitsOf(config, all, sequences, adapter.config, gpu);
    expect(largestDifference(logits, golden('logits'))).toBeLessThan(5e-4);
    const options = { adapter: adapter.config, gradientCheckpointing: true, on: gpu! };
    const { output } = await lossAndGradients(config, all, sequences, { prefixLength: 0 }, options);
    for (const tensor of [...tensors.keys()].filter((key) => key.startsWith('grad.'))) {
      const expected = golden(tensor);
      expect(largestDifference(output(ownName(tensor)), expected), tensor).toBeLessThanOrEqual(
        1e-3 * largest(expected),
      );
    }
  });

  it('has the projection of the full gradient as its own', async () => {
    const { config, parameters, adapter, sequences } = await open(name, base);
    const all = { ...parameters, ...adapter.parameters };
    const own = await lossAndGradients(config, all, sequences, { prefixLength: 0 }, { adapter: adapter.config });
    const full = await lossAndGradients(config, mergeAdapter(config, parameters, adapter), sequences, {
      prefixLength: 0,
    });
    const { rank, alpha, rankStabilized } = adapter.config;
    const factor = alpha / (rankStabilized ? Math.sqrt(rank) : rank);
    for (const [parameter, [to]] of loraShapes(config, adapter.config)) {
      if (!parameter.endsWith('lora_B.weight')) continue;
      const layer = parameter.replace('.lora_B.weight', '');
      const a = adapter.parameters[`${layer}.lora_A.weight`]!;
      const from = a.dims[1]!;
      const inOut = tensorsOf(config).get(`${layer}.weight`)!.linear === 'in_out';
      const gradient = full.output(`grad.${layer}.weight`).map((value) => value * factor);
      // dB = s · dW · Aᵀ and dA = s · Bᵀ · dW, with dW [out, in].
      const expectedB = product(gradient, floats(a), [to!, from, rank], inOut, true);
      const b = floats(adapter.parameters[parameter]!);
      const expectedA = product(b, gradient, [rank, to!, from], true, inOut);
      for (const [part, expected] of [
        ['A', expectedA],
        ['B', expectedB],
      ] as const) {
        const difference = largestDifference(own.output(`grad.${layer}.lora_${part}.weight`), expected);
        expect(difference, `${layer} ${part}`).toBeLessThanOrEqual(2e-5 * largest(expected) + 1e-7);
      }
    }
  });

  it('is written as PEFT writes it and read back the same', async () => {
    const { config, adapter } = await open(name, base);
    const files = adapterFiles(config, base, adapter);
    const again = await readAdapter({ name: 'again', read: async (file) => files.get(file) }, config);
    expect(again).toEqual(adapter satisfies Adapter);
    const stored = readSafetensors(files.get('adapter_model.safetensors')!).tensors;
    const theirs = readSafetensors(
      new Uint8Array(readFileSync(`${folder(`adapters/${name}`)}/adapter_model.safetensors`)),
    ).tensors;
    expect([...stored.keys()].sort()).toEqual([...theirs.keys()].sort());
  });
});

describe('adapters', () => {
  it('name a head of its own as PEFT does, beside the network of GPT-2', async () => {
    const config = { ...(await load('gpt2-tiny')).config, tieWordEmbeddings: false };
    const lora = { rank: 2, alpha: 4, targets: ['lm_head'], rankStabilized: false };
    const files = adapterFiles(config, 'base', newAdapter(config, lora, 0));
    const { tensors } = readSafetensors(files.get('adapter_model.safetensors')!);
    expect([...tensors.keys()]).toContain('base_model.model.lm_head.lora_A.weight');
  });

  it('change nothing when they are new', async () => {
    const { config, parameters, sequences } = await load('llama-tiny');
    const adapter = newAdapter(config, { rank: 2, alpha: 4, targets: ['q_proj'], rankStabilized: false }, 0);
    const plain = await logitsOf(config, parameters, sequences);
    const adapted = await logitsOf(config, { ...parameters, ...adapter.parameters }, sequences, adapter.config);
    expect(largestDifference(plain, adapted)).toBe(0);
  });

  it('name the layers that there are when a target is none', async () => {
    const { config } = await load('gpt2-tiny');
    const wanted = { rank: 2, alpha: 4, targets: ['q_proj'], rankStabilized: false };
    expect(() => newAdapter(config, wanted, 0)).toThrow(/no layer q_proj to adapt; it has c_attn, c_proj, c_fc/);
  });

  it.each([
    [{ peft_type: 'LOHA' }, /peft_type is "LOHA"/],
    [{ use_dora: true }, /use_dora is true, which is not computed here/],
    [{ r: 0 }, /r is 0/],
    [{ init_lora_weights: 'pissa' }, /init_lora_weights is "pissa": such a start changes the base model too/],
    [{ init_lora_weights: 'pissa_niter_16' }, /path_initial_model_for_weight_conversion/],
    [{ init_lora_weights: 'olora' }, /changes the base/],
    [{ init_lora_weights: 'corda' }, /changes the base/],
    [{ init_lora_weights: 'loftq' }, /changes the base/],
    [{ init_lora_weights: 'lora_ga' }, /changes the base/],
    [{ init_lora_weights: 'the next idea' }, /changes the base/],
    [{ a_new_field: 1 }, /a_new_field is not known, and may change what the adapter computes/],
    [{ bias: 'all' }, /bias is "all"; known: "none"/],
    [{ lora_bias: true }, /lora_bias is true/],
    [{ rank_pattern: { q_proj: 8 } }, /rank_pattern is/],
    [{ alpha_pattern: { q_proj: 8 } }, /alpha_pattern is/],
    [{ layers_to_transform: [1] }, /layers_to_transform is \[1\]/],
    [{ modules_to_save: ['lm_head'] }, /modules_to_save is \["lm_head"\].*Merge the adapter/],
    [{ target_parameters: ['experts.w1'] }, /target_parameters is/],
    [{ trainable_token_indices: [1, 2] }, /trainable_token_indices is/],
    [{ layer_replication: [[0, 2]] }, /layer_replication is/],
    [{ exclude_modules: ['k_proj'] }, /exclude_modules is/],
    [{ megatron_config: { tp: 2 } }, /megatron_config is/],
    [{ task_type: 'SEQ_CLS' }, /task_type is "SEQ_CLS"; known: "CAUSAL_LM"/],
    [{ r: 3 }, /is \[4,48\] and should be \[3,48\]/],
    [{ target_modules: ['q_proj'] }, /does not belong there/],
  ])('with %j are refused with a reason', async (change, message) => {
    const { config } = await load('llama-tiny');
    const files = await openModelFolder(folder('llama-tiny'));
    const place = folder('adapters/llama-tiny-lora');
    const json = { ...JSON.parse(readFileSync(`${place}/adapter_config.json`, 'utf8')), ...change };
    const read = async (file: string) =>
      file === 'adapter_config.json'
        ? new TextEncoder().encode(JSON.stringify(json))
        : new Uint8Array(readFileSync(`${place}/${file}`));
    await expect(readAdapter({ ...files, read }, config)).rejects.toThrow(message);
  });

  it.each([
    { init_lora_weights: false },
    { init_lora_weights: 'gaussian' },
    { init_lora_weights: 'eva', eva_config: { rho: 2 } },
    { a_new_field: null, another: [], a_third: {}, a_fourth: false },
    { runtime_config: { ephemeral_gpu_offload: false }, megatron_core: 'megatron.core', loftq_config: {} },
  ])('with %j are read as without it', async (change) => {
    const { config, adapter } = await open('llama-tiny-lora', 'llama-tiny');
    const files = await openAdapterFolder(folder('adapters/llama-tiny-lora'));
    const json = JSON.parse(readFileSync(`${folder('adapters/llama-tiny-lora')}/adapter_config.json`, 'utf8'));
    const read = async (file: string) =>
      file === 'adapter_config.json'
        ? new TextEncoder().encode(JSON.stringify({ ...json, ...change }))
        : files.read(file);
    expect(await readAdapter({ name: files.name, read }, config)).toEqual(adapter);
  });
});
