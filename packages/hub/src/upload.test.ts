// Models to the Hub, against a server on this machine: the bytes that arrive there, and what is said where they do not.

import { readdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HubServer } from '../testing/hub-server.ts';
import { type HubEvent, publishable, readHubSettings, type Upload, uploadModel } from './index.ts';

const NANO = fileURLToPath(new URL('../../nano/model', import.meta.url));
const fixture = (name: string) => fileURLToPath(new URL(`../../models/fixtures/${name}`, import.meta.url));
const POLICY = { attempts: 3, firstPause: 1, longestPause: 1000, longestWait: 1000, idleTimeout: 1000 };

let hub: HubServer;
beforeEach(async () => {
  hub = await HubServer.start();
});
afterEach(() => hub.close());

async function push(more: Partial<Upload> = {}, env: Readonly<Record<string, string>> = { HF_TOKEN: 'token-of-mine' }) {
  const events: HubEvent[] = [];
  const card = { path: 'README.md', size: 6, content: { kind: 'text', text: '# nano' } } as const;
  const result = await uploadModel(
    {
      reference: { repo: 'me/nano', revision: 'main' },
      files: [...(await publishable(NANO)), card],
      title: 'A model',
      ...more,
    },
    await readHubSettings({ HF_HOME: '/nowhere', HF_ENDPOINT: hub.endpoint, ...env }),
    { policy: POLICY, onEvent: (event) => events.push(event) },
  );
  return { result, events };
}

describe('uploading a model', () => {
  it('makes the repository and commits every byte, large files through the storage', async () => {
    const { result, events } = await push({ visibility: 'private' });
    expect(result).toEqual({ url: `${hub.endpoint}/me/nano`, commit: 'c'.repeat(40), created: true });
    expect(hub.created).toEqual([
      expect.objectContaining({ organization: 'me', name: 'nano', type: 'model', visibility: 'private' }),
    ]);
    const { files } = hub.publish('me/nano', NANO, { 'README.md': '# nano' });
    const [commit] = hub.commits;
    expect(commit).toMatchObject({ repo: 'me/nano', branch: 'main', summary: 'A model' });
    expect([...commit!.files.keys()].sort()).toEqual([...files.keys()].sort());
    for (const [name, data] of files) expect(commit!.files.get(name)!.equals(data), name).toBe(true);
    expect([...hub.stored.values()]).toEqual([files.get('model.safetensors')]);
    const steps = events.filter((event) => event.type === 'file' && event.file === 'model.safetensors');
    expect(steps.length).toBeGreaterThan(3);
    const last = events.at(-1)!;
    if (last.type === 'file') expect(last.all.bytes).toBe(last.all.size);
  });

  it('shows the token to the Hub alone', async () => {
    await push();
    for (const { server, authorization } of hub.asked)
      expect(authorization).toBe(server === 'hub' ? 'Bearer token-of-mine' : undefined);
  });

  it('adds to a repository that is there, on a branch of its own', async () => {
    hub.publish('me/nano', NANO);
    const { result } = await push({ reference: { repo: 'me/nano', revision: 'second' } });
    expect(result.created).toBe(false);
    expect(hub.branches).toEqual(['second']);
    expect(hub.commits[0]!.branch).toBe('second');
  });

  it('tries again what may pass', async () => {
    let failed = 0;
    hub.fault = ({ method, server }) =>
      server === 'storage' && method === 'PUT' && failed++ < 2 ? { kind: 'status', status: 503 } : undefined;
    await push();
    expect(hub.stored.size).toBe(1);
  });

  it('needs a token that may write', async () => {
    await expect(push({}, {})).rejects.toMatchObject({
      code: 'no_token',
      message: expect.stringMatching(/set HF_TOKEN/),
    });
    expect(hub.asked).toEqual([]);
    hub.fault = () => ({ kind: 'status', status: 403, headers: { 'x-error-message': 'read only' } });
    await expect(push()).rejects.toMatchObject({
      code: 'forbidden',
      message: expect.stringMatching(/may not write me\/nano \(read only\)/),
    });
    await expect(push({}, { HF_TOKEN: 'x', HF_HUB_OFFLINE: '1' })).rejects.toMatchObject({ code: 'offline' });
  });

  it('takes all shards, and nothing that is not of the model', async () => {
    const folder = fixture('llama-tiny-sharded');
    const names = (await publishable(folder)).map(({ path }) => path);
    expect(await readdir(folder)).toContain('golden.safetensors');
    expect(names.sort()).toEqual((await readdir(folder)).filter((name) => name !== 'golden.safetensors').sort());
    await expect(publishable(fixture('adapters'))).rejects.toMatchObject({ code: 'not_a_model' });
  });
});
