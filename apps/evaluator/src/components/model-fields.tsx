// Which model, and where it computes. Models come with the page, from a picked folder, or from a training here.

import { useRef, useState } from 'preact/hooks';
import type { DeviceChoice } from '../engine/protocol.ts';
import { useWorkplace } from '../workplace.tsx';
import { type Choice, SelectField } from './fields.tsx';

/** The devices of this page as choices. */
export function DeviceField({
  device,
  onChange,
}: {
  readonly device: DeviceChoice;
  readonly onChange: (device: DeviceChoice) => void;
}) {
  const { devices } = useWorkplace();
  const gpu = devices?.find((report) => report.device === 'webgpu');
  const choices: readonly Choice[] = [
    { value: 'auto', text: gpu?.present && !gpu.software ? 'the best: WebGPU' : 'the best: CPU' },
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

/** A button that takes a model's folder from disk; nothing leaves the page. */
export function PickFolder({ onPick }: { readonly onPick: (name: string) => void }) {
  const { engine, addModel } = useWorkplace();
  const [trouble, setTrouble] = useState('');
  const input = useRef<HTMLInputElement>(null);
  const take = async (files: readonly File[]) => {
    setTrouble('');
    try {
      const { name } = await engine.ask({ type: 'pick', files });
      addModel(name);
      onPick(name);
    } catch (error) {
      setTrouble((error as Error).message);
    }
  };
  return (
    <div class="field">
      <input
        ref={input}
        type="file"
        hidden
        {...{ webkitdirectory: true }}
        aria-label="Folder of a model"
        onChange={({ currentTarget }) => {
          void take([...(currentTarget.files ?? [])]);
          // The same folder may be picked again.
          currentTarget.value = '';
        }}
      />
      <button type="button" class="quiet" onClick={() => input.current!.click()}>
        Open a model from disk…
      </button>
      {trouble !== '' && (
        <p class="trouble" role="alert">
          {trouble}
        </p>
      )}
    </div>
  );
}
