// --device: where the network is computed.

import type { Precision } from '@ludic/models';
import { DEVICES, type Device, type Runtime } from '@ludic/runtime';
import { createRuntime } from '@ludic/runtime/node';
import { Option } from 'commander';

export type DeviceOption = Device | 'auto';

export const deviceOption = () =>
  new Option(
    '--device <name>',
    'Where to compute; auto: on a real GPU through WebGPU where there is one, else on the CPU',
  )
    .choices([...DEVICES, 'auto'])
    .default('cpu');

/** @throws RuntimeError `device_missing` */
export async function openRuntime(
  device: DeviceOption,
  threads?: number,
  precision: Precision = 'float32',
): Promise<Runtime> {
  const float16 = precision === 'float16';
  const runtime = await createRuntime({ device, float16, threads });
  if (device === 'auto') process.stderr.write(`Computing on ${runtime.device}.\n`);
  return runtime;
}
