// Which devices this machine has. A GPU is tried in a process of its own: a driver can end the process that asks, past
// any try and catch.

import { execFile } from 'node:child_process';
import { access } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { arch, platform } from 'node:process';
import { fileURLToPath } from 'node:url';
import { DEVICES, type Device, messageOf } from '../contract.ts';
import type { DeviceReport } from '../device-report.ts';
import type { WebGpuProbe } from './probe.ts';

/** All devices that Ludic knows, each with what was found. Takes seconds where there is a GPU to try. */
export async function reportDevices(): Promise<readonly DeviceReport[]> {
  return Promise.all(DEVICES.map((device) => report(device, ['sizes'])));
}

/** WebGPU where a real GPU computes, else the CPU. */
export async function bestDevice(): Promise<Device> {
  const gpu = await report('webgpu');
  return gpu.present && !gpu.software ? 'webgpu' : 'cpu';
}

async function report(device: Device, probing: readonly string[] = []): Promise<DeviceReport> {
  if (device === 'cpu') return { device, present: true, software: false, description: `${platform} ${arch}` };
  const reason = await whyMissing(device);
  if (reason) return { device, present: false, reason };
  if (device !== 'webgpu')
    return { device, present: true, software: false, description: `${device} provider, not tried` };
  const probe = await probeWebGpu(probing);
  if (!probe.present) return { device, present: false, reason: probe.reason };
  const { drivers, software, float16, largestTensor } = probe;
  return {
    device,
    present: true,
    software,
    float16,
    ...(largestTensor !== undefined && { largestTensor }),
    description: drivers.join(', ') || 'driver unknown',
  };
}

/** Why a session on a device cannot even be tried; undefined where it can. */
export async function whyMissing(device: Device): Promise<string | undefined> {
  if (device === 'cpu') return undefined;
  const { listSupportedBackends } = await import('onnxruntime-node');
  const backend = listSupportedBackends().find(({ name }) => name === device);
  if (!backend) return `onnxruntime-node has no ${device} provider for ${platform} ${arch}. ${WHERE[device]}`;
  if (backend.bundled || (await hasProviderLibrary(device))) return undefined;
  return `its library is not installed. ${WHERE[device]}`;
}

const WHERE: Readonly<Record<Exclude<Device, 'cpu'>, string>> = {
  webgpu: 'It is there on Linux x64, Windows, and macOS with Apple silicon.',
  cuda: 'Linux x64 with an NVIDIA GPU: install again with ONNXRUNTIME_NODE_INSTALL=cuda12 and its build script allowed, or use --device webgpu.',
  dml: 'It is there on Windows alone.',
  coreml: 'It is there on macOS alone.',
};

async function hasProviderLibrary(device: Device): Promise<boolean> {
  const home = dirname(createRequire(import.meta.url).resolve('onnxruntime-node/package.json'));
  const library =
    platform === 'win32' ? `onnxruntime_providers_${device}.dll` : `libonnxruntime_providers_${device}.so`;
  return access(join(home, 'bin', 'napi-v6', platform, arch, library)).then(
    () => true,
    () => false,
  );
}

const PROBE_MS = 20_000;

type ProbeResult = ({ readonly present: true } & WebGpuProbe) | { readonly present: false; readonly reason: string };

/** Tries WebGPU in a process of its own. */
async function probeWebGpu(probing: readonly string[]): Promise<ProbeResult> {
  const script = fileURLToPath(new URL(import.meta.url.endsWith('.ts') ? './probe.ts' : './probe.js', import.meta.url));
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [script, ...probing],
      { timeout: PROBE_MS, windowsHide: true },
      (error, stdout, stderr) => {
        try {
          resolve({ present: true, ...(JSON.parse(stdout.trim().split('\n').at(-1)!) as WebGpuProbe) });
        } catch {
          const said =
            stderr.match(/Failed to get a WebGPU adapter[^\n]*/)?.[0] ?? stderr.match(/^Error: ([^\n]*)/m)?.[1];
          resolve({ present: false, reason: said ?? (error ? messageOf(error) : 'the trial gave no answer') });
        }
      },
    );
  });
}
