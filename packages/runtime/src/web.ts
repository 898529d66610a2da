// ONNX Runtime in a browser: WebAssembly on the CPU, WebGPU. The library and its WebAssembly are loaded when the first
// runtime is made. A run on the CPU blocks the thread that asks for it: pages make their runtimes in a worker.

import type * as Ort from 'onnxruntime-common';
import { messageOf, type Runtime, RuntimeError } from './contract.ts';
import { deviceRuntime, ELEMENT_TYPES, hostRuntime, oneNodeModel } from './device-memory.ts';
import { openProgram } from './program.ts';
import type { SharedBuild } from './shared-build.ts';
import { defaultThreads, findAdapter, reportDevices } from './web/devices.ts';

export type { DeviceReport } from './device-report.ts';
export { reportDevices } from './web/devices.ts';

/** Addresses of the two files of one build of ONNX Runtime. They are never fetched from elsewhere. */
export interface WasmFiles {
  readonly mjs: string;
  readonly wasm: string;
}

/** Which device of the page, and where ONNX Runtime's own files are. */
export interface WebRuntimeOptions {
  /** `auto` takes WebGPU where there is a real GPU for it, else the CPU. Default: the CPU. */
  readonly device?: 'cpu' | 'webgpu' | 'auto';
  /**
   * Threads of one run on the CPU; the first runtime of a page or worker decides. Default: one per core, up to 8, or one
   * alone where the page is not cross-origin isolated.
   */
  readonly threads?: number;
  /** `cpu`: `ort-wasm-simd-threaded`, `webgpu`: `ort-wasm-simd-threaded.asyncify`, both exported by onnxruntime-web. */
  readonly wasmPaths: { readonly cpu: WasmFiles; readonly webgpu: WasmFiles };
  /** A graph with an operator that the device itself cannot compute is refused instead of computed in part on the CPU. */
  readonly wholeGraphOnDevice?: boolean;
}

/** A runtime in a page. */
export interface WebRuntime extends Runtime {
  /** On WebGPU alone; for the CPU there is `shareOnCpu`. */
  readonly shared?: SharedBuild;
  /** Gives the GPU back; all tensors and programs there are gone. Nothing on the CPU. */
  dispose(): void;
}

const OPTIONS: Ort.InferenceSession.SessionOptions = { graphOptimizationLevel: 'all', logSeverityLevel: 3 };

/** So long after a call that failed the browser may still tell that the GPU is lost. */
const LOSS_MS = 200;

/** Each build of ONNX Runtime has one memory, shared by all its callers: calls take turns. */
const cpuTurn = inTurn();
const gpuTurn = inTurn();

/**
 * Opens ONNX Runtime on a device of this page.
 * @throws RuntimeError `device_missing`, `device_lost`
 */
export async function createRuntime(given: WebRuntimeOptions): Promise<WebRuntime> {
  const { device: wanted = 'cpu', threads, wasmPaths, wholeGraphOnDevice = false } = given;
  const device = wanted === 'auto' ? await bestDevice() : wanted;
  const runtime =
    device === 'webgpu'
      ? await gpuRuntime(wasmPaths.webgpu, wholeGraphOnDevice)
      : await cpuRuntime(wasmPaths.cpu, threads ?? defaultThreads());
  // ONNX Runtime fetches its WebAssembly with its first program: whether that comes is known at once.
  try {
    await (await runtime.load(oneNodeModel('Identity', ELEMENT_TYPES.float32))).dispose();
  } catch (error) {
    if (error instanceof RuntimeError && error.code === 'device_lost') throw error;
    const message = `ONNX Runtime does not start on ${device}: ${messageOf(error)} Reload the page to try again.`;
    throw new RuntimeError('device_missing', message, { cause: error });
  }
  return runtime;
}

async function cpuRuntime(files: WasmFiles, threads: number): Promise<WebRuntime> {
  const ort = await import('onnxruntime-web/wasm');
  prepare(ort, files, threads);
  const options = { ...OPTIONS, executionProviders: ['wasm'] };
  // Tensors cross to the memory of WebAssembly and back at each run, and outputs never land in tensors that are given.
  const habits = { copiesOutputs: true, call: cpuTurn };
  return {
    ...hostRuntime('cpu', (model) => openProgram(ort, model, options, habits)),
    dispose() {},
  };
}

/** The build for WebGPU, on the CPU, for libraries that know no other. Its first use decides on its threads. */
export async function shareOnCpu(files: WasmFiles, threads = defaultThreads()): Promise<SharedBuild> {
  const ort = await import('onnxruntime-web/webgpu');
  prepare(ort, files, threads);
  return { InferenceSession: ort.InferenceSession, executionProviders: ['wasm'], call: gpuTurn };
}

async function bestDevice(): Promise<'cpu' | 'webgpu'> {
  const reports = await reportDevices();
  return reports.some((report) => report.device === 'webgpu' && report.present && !report.software) ? 'webgpu' : 'cpu';
}

async function gpuRuntime(files: WasmFiles, wholeGraphOnDevice: boolean): Promise<WebRuntime> {
  const gpu = await openGpu();
  const ort = await import('onnxruntime-web/webgpu');
  // What falls back to the CPU is little: more threads would only wait.
  prepare(ort, files, 1);
  // The loss of a device would leave a run waiting for ever.
  const lost = gpu.lost.then(({ reason, message }): never => {
    const why = message.trim() || reason;
    throw new RuntimeError('device_lost', `The GPU is lost, and all that lay on it (${why}). Start again.`);
  });
  lost.catch(() => {});
  // A call that the loss breaks may fail before the loss is told: that is then what to say.
  const hint = async (error: unknown): Promise<never> => {
    await Promise.race([lost, new Promise((resolve) => setTimeout(resolve, LOSS_MS))]);
    throw error;
  };
  const call = <T>(work: () => Promise<T>) => gpuTurn(() => Promise.race([lost, work().catch(hint)]));
  const executionProviders = [{ name: 'webgpu', device: gpu }];
  const options: Ort.InferenceSession.SessionOptions = {
    ...OPTIONS,
    executionProviders,
    ...(wholeGraphOnDevice && { extra: { session: { disable_cpu_ep_fallback: '1' } } }),
  };
  return {
    ...deviceRuntime(ort, options, { copiesOutputs: true, call }),
    shared: { InferenceSession: ort.InferenceSession, executionProviders, call },
    dispose: () => gpu.destroy(),
  };
}

/** A device with all that its adapter can do. @throws RuntimeError `device_missing` */
async function openGpu(): Promise<GPUDevice> {
  try {
    const adapter = await findAdapter();
    const requiredLimits: Record<string, number> = {};
    for (const name in adapter.limits)
      requiredLimits[name] = adapter.limits[name as keyof GPUSupportedLimits] as number;
    const requiredFeatures = (['shader-f16', 'subgroups'] as const).filter((name) => adapter.features.has(name));
    return await adapter.requestDevice({ requiredFeatures, requiredLimits });
  } catch (error) {
    throw new RuntimeError('device_missing', `The device webgpu is not here: ${messageOf(error)}`, { cause: error });
  }
}

function prepare({ env }: typeof Ort, files: WasmFiles, threads: number): void {
  env.logLevel = 'error';
  env.wasm.wasmPaths = { mjs: files.mjs, wasm: files.wasm };
  env.wasm.numThreads = threads;
}

/** One call after the other: a build of ONNX Runtime waits inside of its calls, and must not be entered meanwhile. */
function inTurn(): <T>(work: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const result = last.then(work);
    last = result.catch(() => {});
    return result;
  };
}
