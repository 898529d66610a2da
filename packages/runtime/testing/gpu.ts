// For tests: a WebGPU device, a software one where the machine has Chromium's. Undefined where there is none.

import type { Runtime } from '../src/index.ts';
import { createRuntime } from '../src/node.ts';

/** A graph that this device cannot compute as a whole is refused. */
export const openGpu = (): Promise<Runtime | undefined> =>
  createRuntime({ device: 'webgpu', wholeGraphOnDevice: true }).catch(() => undefined);
