// Whether a model can fit a device at all, from sizes that are known before its weights are. Only what is certain is
// refused: how much more a model needs while it plays, and how much memory a GPU has left, cannot be known before.

import type { DeviceReport } from '@ludic/runtime/web';
import { bytes } from '../../ui/numbers.ts';

/** All that WebAssembly can address. */
export const WASM_LIMIT = 4 * 2 ** 30;

/** What a model takes on a device, as far as it is known before its weights are downloaded. */
export interface Needs {
  /** Bytes of all weights as they are computed with. */
  readonly weights: number;
  /** Bytes of the largest tensor; undefined where it is not known. */
  readonly largest: number | undefined;
  /** Whether the weights go through the memory of WebAssembly as a whole also on a GPU. */
  readonly throughWasm: boolean;
  /** Whether it is computed in float16, which not every GPU can. */
  readonly float16: boolean;
}

/** Why a model cannot be played on a device, in a sentence; undefined where it may fit. */
export function whyUnfit(name: string, needs: Needs, device: DeviceReport): string | undefined {
  if (!device.present) return `${name} cannot be played on ${nameOf(device)}: ${device.reason}`;
  const { weights, largest, throughWasm, float16 } = needs;
  if ((device.device === 'cpu' || throughWasm) && weights > WASM_LIMIT)
    return (
      `${name} is too large for this page and was not downloaded: its weights take ${bytes(weights)}, and WebAssembly ` +
      `can hold ${bytes(WASM_LIMIT)}. Choose a smaller model or variant${device.device === 'cpu' && !throughWasm ? ', or a GPU' : ''}.`
    );
  if (device.device !== 'cpu' && float16 && device.float16 === false)
    return `${name} was not downloaded: this GPU does not compute in float16. Choose a variant without it, or the CPU.`;
  const { largestTensor } = device;
  if (device.device !== 'cpu' && largest !== undefined && largestTensor !== undefined && largest > largestTensor)
    return (
      `${name} is too large for this GPU and was not downloaded: its largest tensor takes ${bytes(largest)}, and this ` +
      `device allows ${bytes(largestTensor)}. Choose a smaller model or variant, or the CPU.`
    );
  return undefined;
}

const nameOf = ({ device }: DeviceReport) => (device === 'cpu' ? 'the CPU' : 'WebGPU');
