// What certainly cannot fit is refused with its reason; everything else may try.

import type { DeviceReport } from '@ludic/runtime/web';
import { describe, expect, it } from 'vitest';
import { whyUnfit } from './fit.ts';
import type { ModelListing } from './library.ts';
import { needsOf } from './sources.ts';

const GB = 1e9;
const cpu: DeviceReport = { device: 'cpu', present: true, software: false, description: 'WebAssembly' };
const gpu: DeviceReport = { ...cpu, device: 'webgpu', largestTensor: 2 ** 30, description: 'a card' };

describe('a model for a device', () => {
  it('may try where nothing speaks against it', () => {
    const small = { weights: GB, largest: 0.1 * GB, throughWasm: false, float16: false };
    expect(whyUnfit('m', small, cpu)).toBeUndefined();
    expect(whyUnfit('m', small, gpu)).toBeUndefined();
    // A GPU holds more than WebAssembly can, tensor by tensor.
    expect(whyUnfit('m', { ...small, weights: 8 * GB }, gpu)).toBeUndefined();
  });

  it('is refused where WebAssembly cannot hold it', () => {
    const large = { weights: 5 * GB, largest: 0.1 * GB, throughWasm: false, float16: false };
    expect(whyUnfit('m', large, cpu)).toBe(
      'm is too large for this page and was not downloaded: its weights take 5.0 GB, and WebAssembly can hold 4.3 GB. ' +
        'Choose a smaller model or variant, or a GPU.',
    );
    expect(whyUnfit('m', { ...large, throughWasm: true }, gpu)).toContain('Choose a smaller model or variant.');
  });

  it('is refused where a tensor is larger than the GPU allows', () => {
    const wide = { weights: 3 * GB, largest: 2 * GB, throughWasm: false, float16: false };
    expect(whyUnfit('m', wide, gpu)).toContain('its largest tensor takes 2.0 GB, and this device allows 1.1 GB');
    expect(whyUnfit('m', { ...wide, largest: undefined }, gpu)).toBeUndefined();
    expect(whyUnfit('m', wide, cpu)).toBeUndefined();
  });

  it('is refused where it needs float16 and the GPU has none', () => {
    const half = { weights: 1, largest: 1, throughWasm: true, float16: true };
    expect(whyUnfit('m', half, { ...gpu, float16: false })).toContain('this GPU does not compute in float16');
    expect(whyUnfit('m', half, { ...gpu, float16: true })).toBeUndefined();
    expect(whyUnfit('m', half, cpu)).toBeUndefined();
  });

  it('is refused where there is no such device', () => {
    const none: DeviceReport = { device: 'webgpu', present: false, reason: 'no adapter.' };
    expect(whyUnfit('m', { weights: 1, largest: 1, throughWasm: false, float16: false }, none)).toContain('no adapter');
  });
});

describe('what a model needs', () => {
  const listing = (files: ModelListing['files'], dtype?: 'fp16' | 'q4'): ModelListing => ({
    name: 'm',
    title: 'm',
    detail: '',
    size: 0,
    files,
    ...(dtype && { dtype }),
  });
  const config = {
    model_type: 'llama',
    architectures: ['LlamaForCausalLM'],
    vocab_size: 1000,
    hidden_size: 64,
    intermediate_size: 128,
    num_hidden_layers: 2,
    num_attention_heads: 4,
    num_key_value_heads: 2,
    max_position_embeddings: 256,
    rms_norm_eps: 1e-5,
    rope_theta: 10000,
    hidden_act: 'silu',
    tie_word_embeddings: true,
    eos_token_id: 1,
  };

  it('is float32 for ours, by its config.json alone', () => {
    const { weights, largest, throughWasm } = needsOf(listing([]), config);
    expect(largest).toBe(4 * 1000 * 64);
    // Embeddings, and per layer: queries and output 64², keys and values half of it, three of 64 · 128, two norms; a norm.
    expect(weights).toBe(4 * (64_000 + 2 * (3 * 64 * 64 + 3 * 64 * 128 + 2 * 64) + 64));
    expect(throughWasm).toBe(false);
  });

  it('is what lies in the files of a variant for transformers.js', () => {
    const files = [
      { file: 'config.json', url: '', size: 7 },
      { file: 'onnx/model_fp16.onnx', url: '', size: 100 },
      { file: 'onnx/model_fp16.onnx_data', url: '', size: 1000 },
    ];
    const half = { weights: 1100, largest: 2 * 1000 * 64, throughWasm: true, float16: true };
    expect(needsOf(listing(files, 'fp16'), config)).toEqual(half);
    expect(needsOf(listing(files, 'q4'), config)).toEqual({ ...half, largest: undefined, float16: false });
    expect(needsOf(listing(files, 'fp16'), null).largest).toBeUndefined();
  });
});
