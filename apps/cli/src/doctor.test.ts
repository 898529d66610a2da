import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openGpu } from '../../../packages/runtime/testing/gpu.ts';
import { runLudic, startLudic } from '../testing/run-ludic.ts';

const gpu = await openGpu();

describe('ludic doctor', () => {
  it('tells what is here and what is not, each with a remedy, and no secret', async () => {
    const cache = await mkdtemp(join(tmpdir(), 'doctor-'));
    const env = { HF_HUB_CACHE: cache, HF_TOKEN: 'a secret', HF_HUB_OFFLINE: '1' };
    const { code, stdout } = await startLudic(['doctor', '--json'], env).finished;
    expect(code).toBe(0);
    expect(stdout).not.toContain('a secret');
    const found = new Map(JSON.parse(stdout).map((finding: { name: string }) => [finding.name, finding]));
    expect(found.get('token')).toMatchObject({ ok: true, found: 'present' });
    expect(found.get('hub')).toMatchObject({ ok: false });
    expect(found.get('cache')).toMatchObject({ ok: true, found: expect.stringContaining(cache) });
    expect(found.get('cpu')).toMatchObject({ ok: true });
    for (const device of ['webgpu', 'cuda', 'dml', 'coreml']) {
      const finding = found.get(device) as { ok: boolean; remedy?: string };
      expect(finding.ok || finding.remedy, device).toBeTruthy();
    }
    expect(found.get('webgpu')).toMatchObject({ ok: gpu !== undefined });
  });

  it.runIf(process.platform === 'linux')('says in one sentence that a device is missing', async () => {
    const env = { VK_ICD_FILENAMES: '/nowhere.json', VK_DRIVER_FILES: '/nowhere.json' };
    const { code, stderr } = await startLudic(['evaluate', '--env', 'tic_tac_toe', '--device', 'webgpu'], env).finished;
    expect(code).toBe(2);
    expect(stderr).toMatch(/The device webgpu does not start/);
    // The driver may print warnings of its own before it.
    expect(stderr.trim().split('\n').at(-1)).toMatch(/^ludic: .* tells what is here\.$/);
  });

  it.skipIf(!gpu)('passes a software adapter over when the choice is left to Ludic', async () => {
    const { stderr } = await runLudic('evaluate', '--env', 'tic_tac_toe', '--episodes', '4', '--device', 'auto');
    expect(stderr).toContain('Computing on cpu.');
  });
});
