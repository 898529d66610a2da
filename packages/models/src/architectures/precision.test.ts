// Networks whose products are in float16, rounded on the CPU as a GPU rounds them, against the same networks in float32.
// Bounds are three times what was measured: float16 has 11 bits, and a few dozen roundings add up.

import { floats, type HostTensor, int32, type Runtime } from '@ludic/runtime';
import { describe, expect, it } from 'vitest';
import { roundingFloat16 } from '../../../runtime/testing/float16.ts';
import { largest, largestDifference, load, lossAndGradients, runtime } from '../../testing/golden.ts';
import { everyLinearLayer, newAdapter, type Precision } from '../index.ts';
import { buildDecoder, prefillInputs } from '../internal.ts';

const rounding = roundingFloat16(runtime);
const NAMES = ['llama-tiny', 'smollm-tiny', 'qwen2-tiny', 'qwen3-tiny', 'gemma3-tiny', 'gpt2-tiny'];

async function logitsOf(name: string, precision: Precision, on: Runtime): Promise<Float32Array> {
  const { config, parameters, sequences } = await load(name);
  const program = await on.load(buildDecoder(config, { prefix: false, past: false, precision }));
  const { inputs } = prefillInputs(config, sequences);
  const tokens = inputs.ids!.dims[0]!;
  const every = Array.from({ length: tokens }, (_, i) => i);
  const { logits } = await program.run({ ...parameters, ...inputs, logit_positions: int32(every, [tokens]) });
  await program.dispose();
  return floats(logits as HostTensor).slice();
}

/** |a − b| / |b|, as long vectors. */
function relativeError(a: Float32Array, b: Float32Array): number {
  const squares = (x: (i: number) => number) => Math.sqrt(b.reduce((total, _, i) => total + x(i) ** 2, 0));
  return squares((i) => a[i]! - b[i]!) / squares((i) => b[i]!);
}

describe.each(NAMES)('%s with products in float16', (name) => {
  it('gives nearly the same logits', async () => {
    const exact = await logitsOf(name, 'float32', runtime);
    const found = await logitsOf(name, 'float16', rounding);
    const error = largestDifference(found, exact) / largest(exact);
    // Something was rounded.
    expect(error).toBeGreaterThan(1e-5);
    expect(error).toBeLessThan(5e-3);
  });

  it.each([
    ['apart', { prefixLength: 0 }],
    ['with a shared prefix and prompts', { prefixLength: 3, promptLengths: [5, 5, 5, 5] }],
  ])('gives nearly the same loss and gradients, rows %s', async (_, shape) => {
    const { config, parameters, sequences } = await load(name);
    const start = sequences[0]!.slice(0, 5);
    const rows = [2, 9, 17, 40].map((id, i) => Int32Array.of(...start, id, ...sequences[1]!.slice(0, i)));
    const exact = await lossAndGradients(config, parameters, rows, shape);
    for (const gradientCheckpointing of [false, true]) {
      const found = await lossAndGradients(config, parameters, rows, shape, {
        precision: 'float16',
        on: rounding,
        gradientCheckpointing,
      });
      expect(Math.abs(found.output('loss')[0]! - exact.output('loss')[0]!)).toBeLessThan(3e-3);
      for (const tensor of Object.keys(parameters)) {
        const expected = exact.output(`grad.${tensor}`);
        // A bias of keys moves all scores of a query nearly alike: its gradient is what is left of numbers that cancel.
        const bound = tensor.endsWith('k_proj.bias') ? 8e-2 : 1.5e-2;
        expect(relativeError(found.output(`grad.${tensor}`), expected), tensor).toBeLessThan(bound);
      }
    }
  });
});

describe('an adapter with products in float16', () => {
  it('gets nearly the same gradients', async () => {
    const { config, parameters, sequences } = await load('llama-tiny');
    const lora = { rank: 4, alpha: 8, targets: everyLinearLayer(config), rankStabilized: false };
    const adapter = newAdapter(config, lora, 0);
    for (const [i, tensor] of Object.values(adapter.parameters).entries()) {
      // B begins at zero, and with it the gradient of A.
      if (floats(tensor).every((x) => x === 0))
        floats(tensor).set(floats(tensor).map((_, at) => 0.02 * Math.sin(i + at)));
    }
    const all = { ...parameters, ...adapter.parameters };
    const shape = { prefixLength: 0 };
    const exact = await lossAndGradients(config, all, sequences, shape, { adapter: lora });
    const options = { adapter: lora, precision: 'float16', on: rounding } as const;
    const found = await lossAndGradients(config, all, sequences, shape, options);
    for (const tensor of Object.keys(adapter.parameters)) {
      const [mine, expected] = [found.output(`grad.${tensor}`), exact.output(`grad.${tensor}`)];
      expect(mine).not.toEqual(expected);
      expect(relativeError(mine, expected), tensor).toBeLessThan(1.5e-2);
    }
  });
});
