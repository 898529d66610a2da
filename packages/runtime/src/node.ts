// ONNX Runtime in Node. The native library is loaded when the first runtime is made, not when this file is imported.
// A run blocks the event loop until it is done: a process that must stay responsive runs models in another one.

import type * as Ort from 'onnxruntime-node';
import { type Device, messageOf, type Runtime, RuntimeError } from './contract.ts';
import { deviceRuntime, ELEMENT_TYPES, hostRuntime, oneNodeModel } from './device-memory.ts';
import { bestDevice, whyMissing } from './node/devices.ts';
import { computesFloat16 } from './node/float16.ts';
import { openProgram } from './program.ts';

export type { DeviceReport } from './device-report.ts';
export { reportDevices } from './node/devices.ts';

/** Which device, and how it computes. */
export interface NodeRuntimeOptions {
  /** `auto` takes WebGPU where there is a real GPU for it, else the CPU. Default: the CPU. */
  readonly device?: Device | 'auto';
  /** Threads of one run on the CPU. Default: ONNX Runtime's own choice, one per core. */
  readonly threads?: number;
  /**
   * Numbers too small for a normal float32 (or for a normal double in this thread's own JavaScript) count as zero.
   * Default: true, since hidden positions in attention are full of them and each costs as much as a hundred others.
   */
  readonly flushDenormals?: boolean;
  /** A graph with an operator that the device itself cannot compute is refused instead of computed in part on the CPU. */
  readonly wholeGraphOnDevice?: boolean;
  /** Graphs will multiply in float16: a WebGPU adapter that cannot is refused. The CPU takes float32 for it. */
  readonly float16?: boolean;
}

/**
 * Opens ONNX Runtime on a device of this machine.
 * @throws RuntimeError `device_missing`
 */
export async function createRuntime(given: NodeRuntimeOptions = {}): Promise<Runtime> {
  const { device: wanted = 'cpu', threads, flushDenormals = true, wholeGraphOnDevice = false, float16 = false } = given;
  const device = wanted === 'auto' ? await bestDevice() : wanted;
  const ort = await import('onnxruntime-node');
  const options: Ort.InferenceSession.SessionOptions = {
    executionProviders: [device],
    graphOptimizationLevel: 'all',
    logSeverityLevel: 3,
    extra: {
      session: {
        // Threads that spin on after a run take the cores from the next run: measured, sampling is half as fast.
        force_spinning_stop: '1',
        set_denormal_as_zero: flushDenormals ? '1' : '0',
        ...(wholeGraphOnDevice && device !== 'cpu' && { disable_cpu_ep_fallback: '1' }),
      },
    },
    ...(threads && { intraOpNumThreads: threads }),
  };
  if (device !== 'cpu')
    await assertPresent(device, () => openProgram(ort, oneNodeModel('Identity', ELEMENT_TYPES.float32), options));
  if (device === 'webgpu' && float16 && !(await computesFloat16(ort, options))) {
    throw new RuntimeError(
      'device_missing',
      'The adapter of webgpu does not compute in float16 (the feature shader-f16): take precision float32.',
    );
  }
  if (device === 'webgpu') return deviceRuntime(ort, options);
  // For shapes that come again ONNX Runtime plans one block for all tensors, and takes it beside what it has already. Its
  // arena gives nothing back and is torn into pieces by ever new shapes: it is left out where the plan is.
  const repeating = { ...options, enableMemPattern: false, enableCpuMemArena: false };
  return hostRuntime(device, (model, { repeatsShapes } = {}) =>
    openProgram(ort, model, repeatsShapes ? repeating : options),
  );
}

/** Opens the smallest of programs: whether the device is there is known at once, not in the middle of the work. */
async function assertPresent(device: Device, open: () => ReturnType<typeof openProgram>): Promise<void> {
  const absent = await whyMissing(device);
  if (absent) throw new RuntimeError('device_missing', `The device ${device} is not here: ${absent}`);
  try {
    await (await open()).dispose();
  } catch (error) {
    // ONNX Runtime puts its own source text before what went wrong.
    const reason = messageOf(error).match(/Failed to get a WebGPU adapter[^\n]*/)?.[0] ?? messageOf(error);
    throw new RuntimeError(
      'device_missing',
      `The device ${device} does not start: ${reason}. \`ludic doctor\` tells what is here.`,
      { cause: error },
    );
  }
}
