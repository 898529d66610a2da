// Whether a device computes float16. A session may load and only fail when it runs, so it is run.

import type * as Ort from 'onnxruntime-node';
import { ELEMENT_TYPES, oneNodeModel } from '../device-memory.ts';
import type { OrtBuild } from '../program.ts';

/** exp(0) = 1 in float16, with no help from the CPU. */
export async function computesFloat16(ort: OrtBuild, options: Ort.InferenceSession.SessionOptions): Promise<boolean> {
  const whole = { ...options, extra: { session: { disable_cpu_ep_fallback: '1' } } };
  try {
    const half = await ort.InferenceSession.create(oneNodeModel('Exp', ELEMENT_TYPES.float16), whole);
    const { y: one } = await half.run({ x: new ort.Tensor('float16', Uint16Array.of(0, 0), [2]) });
    return new Uint16Array((one!.data as Uint16Array).buffer)[0] === 0x3c00;
  } catch {
    return false;
  }
}
