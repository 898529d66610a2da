// Which devices this page has. Nothing is loaded to find out.

import { messageOf } from '../contract.ts';
import type { DeviceReport } from '../device-report.ts';

/** Adapters that compute on the CPU. */
const SOFTWARE = /swiftshader|llvmpipe|lavapipe|basic render/i;
/** More threads than this wait for each other more than they help, at the sizes that a page runs. */
const MOST_THREADS = 8;

/** The CPU and WebGPU, each with what was found. */
export async function reportDevices(): Promise<readonly DeviceReport[]> {
  return [reportCpu(), await reportWebGpu()];
}

/** Threads of a run on the CPU by default. Without cross-origin isolation there is but one. */
export const defaultThreads = (): number =>
  globalThis.crossOriginIsolated ? Math.min(navigator.hardwareConcurrency, MOST_THREADS) : 1;

function reportCpu(): DeviceReport {
  const alone = globalThis.crossOriginIsolated ? '' : ', one thread: the page is not cross-origin isolated';
  return {
    device: 'cpu',
    present: true,
    software: false,
    threads: defaultThreads(),
    description: `WebAssembly${alone}`,
  };
}

async function reportWebGpu(): Promise<DeviceReport> {
  try {
    const { info, features, limits } = await findAdapter();
    return {
      device: 'webgpu',
      present: true,
      software: info.isFallbackAdapter || SOFTWARE.test(`${info.vendor} ${info.architecture} ${info.description}`),
      float16: features.has('shader-f16'),
      largestTensor: Math.min(limits.maxBufferSize, limits.maxStorageBufferBindingSize),
      description:
        [info.vendor, info.architecture, info.description].filter((part) => part !== '').join(' ') || 'unnamed adapter',
    };
  } catch (error) {
    return { device: 'webgpu', present: false, reason: messageOf(error) };
  }
}

/** @throws Error that says why there is none */
export async function findAdapter(): Promise<GPUAdapter> {
  const { gpu } = navigator as { readonly gpu?: GPU };
  if (!gpu) throw new Error('this browser has no WebGPU, or the page is not served over HTTPS or from this machine.');
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
  if (!adapter) throw new Error('the browser has WebGPU, but no adapter for it on this machine.');
  return adapter;
}
