// The weights of a model that knows nothing.

import { stream } from '@ludic/random';
import { float32, type HostTensor } from '@ludic/runtime';
import type { ModelConfig } from '../config/model-config.ts';
import { tensorsOf } from './registry.ts';

const DEVIATION = 0.02;

/**
 * Normal weights of deviation 0.02; those that write into the residual stream are divided by √(2 · layers), and norms
 * begin as nothing but norms. Source: the GPT-2 report.
 */
export function initialParameters(config: ModelConfig, seed: number): Record<string, HostTensor> {
  const parameters: Record<string, HostTensor> = {};
  for (const [name, { shape, init }] of tensorsOf(config)) {
    const data = new Float32Array(shape.reduce((a, b) => a * b, 1));
    if (init === 'ones') data.fill(1);
    else if (init !== 'zeros') {
      fillNormal(data, init === 'residual' ? DEVIATION / Math.sqrt(2 * config.layers) : DEVIATION, seed, name);
    }
    parameters[name] = float32(data, shape);
  }
  return parameters;
}

/** Box–Muller, two numbers from two. */
function fillNormal(data: Float32Array, deviation: number, seed: number, name: string): void {
  const random = stream(seed, 'initialize', name);
  for (let i = 0; i < data.length; i += 2) {
    const radius = deviation * Math.sqrt(-2 * Math.log(1 - random.nextFloat()));
    const angle = 2 * Math.PI * random.nextFloat();
    data[i] = radius * Math.cos(angle);
    if (i + 1 < data.length) data[i + 1] = radius * Math.sin(angle);
  }
}
