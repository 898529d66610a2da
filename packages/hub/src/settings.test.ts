import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readHubSettings } from './settings.ts';

describe('the settings of the Hub', () => {
  it('are those of Python', async () => {
    const home = await mkdtemp(join(tmpdir(), 'ludic-hub-settings-'));
    await writeFile(join(home, 'token'), 'hf_file\n');
    expect(await readHubSettings({ HF_HOME: home })).toEqual({
      endpoint: 'https://huggingface.co',
      token: 'hf_file',
      cache: join(home, 'hub'),
      offline: false,
    });
    const own = await readHubSettings({
      HF_HOME: home,
      HF_TOKEN: ' hf_own ',
      HF_HUB_CACHE: '$HF_HOME/models',
      HF_ENDPOINT: 'https://mirror/',
    });
    expect(own).toMatchObject({ endpoint: 'https://mirror', token: 'hf_own', cache: join(home, 'models') });
    expect((await readHubSettings({ XDG_CACHE_HOME: '/cache' })).cache).toBe('/cache/huggingface/hub');
    await rm(home, { recursive: true });
    await expect(readHubSettings({ HF_ENDPOINT: 'mirror' })).rejects.toMatchObject({ code: 'bad_reference' });
  });
});
