// Where models compute.

import { useAppContext } from '../app-context.tsx';
import type { DeviceChoice } from '../engine/models/library.ts';
import { SelectField, type SelectOption } from './fields.tsx';

/** The devices of this page as choices. */
export function DeviceField({
  device,
  onChange,
}: {
  readonly device: DeviceChoice;
  readonly onChange: (device: DeviceChoice) => void;
}) {
  const { devices } = useAppContext();
  const gpu = devices?.find((report) => report.device === 'webgpu');
  const choices: readonly SelectOption[] = [
    { value: 'auto', text: gpu?.present && !gpu.software ? 'automatic: WebGPU' : 'automatic: CPU' },
    { value: 'cpu', text: 'CPU' },
    ...(gpu?.present ? [{ value: 'webgpu', text: gpu.software ? 'WebGPU (software)' : 'WebGPU' }] : []),
  ];
  return (
    <SelectField
      label="Compute on"
      value={device}
      choices={choices}
      onChange={(value) => onChange(value as DeviceChoice)}
    />
  );
}
