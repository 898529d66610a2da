// A device that cannot multiply float16 says so when it is opened for that, before anything is loaded.

import { describe, expect, it } from 'vitest';
import { createRuntime, reportDevices } from '../node.ts';

const gpu = (await reportDevices()).find(({ device }) => device === 'webgpu')!;

describe('a runtime for float16', () => {
  it.skipIf(!gpu.present)('is refused by an adapter without it, which is there for float32', async () => {
    expect((await createRuntime({ device: 'webgpu' })).device).toBe('webgpu');
    const opened = createRuntime({ device: 'webgpu', float16: true });
    if (gpu.present && gpu.float16) expect((await opened).device).toBe('webgpu');
    else {
      const message = expect.stringMatching(/shader-f16.*precision float32/);
      await expect(opened).rejects.toMatchObject({ code: 'device_missing', message });
    }
  });

  it('is there on the CPU, which casts', async () => {
    expect((await createRuntime({ device: 'cpu', float16: true })).device).toBe('cpu');
  });
});
