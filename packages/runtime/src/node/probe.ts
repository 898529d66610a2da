// Run as a process of its own by devices.ts: tries WebGPU and prints one line of JSON. With the
// argument `sizes` it also finds the largest tensor. It may be killed by a driver.

import { readFileSync } from 'node:fs';
import type * as Ort from 'onnxruntime-node';
import { ELEMENT_TYPES, oneNodeModel } from '../device-memory.ts';
import { computesFloat16 } from './float16.ts';

export interface WebGpuProbe {
  readonly software: boolean;
  readonly float16: boolean;
  /** The drivers that were loaded, as far as this system tells. */
  readonly drivers: readonly string[];
  /** Bytes of the largest tensor that could be made, of powers of two up to 2 GiB; only where it was asked for. */
  readonly largestTensor?: number;
}

/** Vulkan drivers that compute on the CPU. */
const SOFTWARE = /swiftshader|lvp|llvmpipe/i;
const DRIVER =
  /\/(libvulkan_\w+|libvk_swiftshader|libGLX_nvidia|libEGL_nvidia|libnvidia-vulkan-producer)[^/]*\.so[\w.]*$/;

const ort = await import('onnxruntime-node');
const options: Ort.InferenceSession.SessionOptions = {
  executionProviders: ['webgpu'],
  logSeverityLevel: 3,
  extra: { session: { disable_cpu_ep_fallback: '1' } },
};
const session = await ort.InferenceSession.create(oneNodeModel('Identity', ELEMENT_TYPES.float32), options);
const { y } = await session.run({ x: new ort.Tensor('float32', Float32Array.of(1, 2), [2]) });
if ((y!.data as Float32Array)[1] !== 2) throw new Error('WebGPU gives wrong numbers.');
const drivers = loadedDrivers();
const result: WebGpuProbe = {
  // A system that does not tell its drivers is taken at its word.
  software: drivers.length > 0 && drivers.every((name) => SOFTWARE.test(name)),
  float16: await computesFloat16(ort, options),
  drivers,
};
// What is known is said first: trying sizes may be the end.
console.log(JSON.stringify(result));
if (process.argv.includes('sizes')) {
  for (let bytes = 2 ** 27; bytes <= 2 ** 31 && (await canMake(bytes)); bytes *= 2) {
    console.log(JSON.stringify({ ...result, largestTensor: bytes } satisfies WebGpuProbe));
  }
}

async function canMake(bytes: number): Promise<boolean> {
  try {
    const model = oneNodeModel('Expand', ELEMENT_TYPES.float32);
    const expand = await ort.InferenceSession.create(model, { ...options, preferredOutputLocation: 'gpu-buffer' });
    const shape = new ort.Tensor('int64', BigInt64Array.of(BigInt(bytes / 4096), 1024n), [2]);
    const { y: made } = await expand.run({ x: new ort.Tensor('float32', Float32Array.of(1), [1]), shape });
    made!.dispose();
    return true;
  } catch {
    return false;
  }
}

function loadedDrivers(): string[] {
  if (process.platform !== 'linux') return [];
  const names = readFileSync('/proc/self/maps', 'utf8')
    .split('\n')
    .flatMap((line) => DRIVER.exec(line)?.[1] ?? []);
  return [...new Set(names)];
}
