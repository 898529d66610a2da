// A model is looked at before it is promised: what cannot be had is refused with its reason, and nothing large is fetched.

import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readModelConfig } from '@ludic/models';
import { NANO_FOLDER } from '@ludic/nano';
import { afterAll, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { HubServer } from '../../../../packages/hub/testing/hub-server.ts';
import { asServiceError } from '../failure.ts';
import { cachedHubFiles } from './hub-models.ts';
import { rememberedName } from './model-source.ts';
import { ModelStore } from './model-store.ts';
import { assertAvailable, openFiles } from './open-model.ts';

let hub: HubServer;
let scratch = '';
beforeAll(async () => {
  hub = await HubServer.start();
  scratch = await mkdtemp(join(tmpdir(), 'ludic-available-'));
  vi.stubEnv('HF_HOME', join(scratch, 'cache'));
  vi.stubEnv('HF_ENDPOINT', hub.endpoint);
  vi.stubEnv('HF_HUB_OFFLINE', '');
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await hub.close();
  await rm(scratch, { recursive: true, force: true });
});
beforeEach(() => {
  hub.fault = () => undefined;
});

const look = (reference: string) => assertAvailable({ from: 'hub', reference });
const codeOf = (work: Promise<void>) =>
  work.then(
    () => 'there',
    (error: unknown) => asServiceError(error, '').code,
  );

it('a model of the Hub that is there, without fetching its weights', async () => {
  hub.publish('org/nano', fileURLToPath(NANO_FOLDER));
  expect(await codeOf(look('org/nano'))).toBe('there');
  expect(hub.transfers).toEqual([]);
});

it('a model of the Hub that is not there, is gated, or holds nothing that can be read', async () => {
  expect(await codeOf(look('org/missing'))).toBe('not_found');
  hub.fault = () => ({ kind: 'status', status: 403, headers: { 'x-error-code': 'GatedRepo' } });
  expect(await codeOf(look('org/nano'))).toBe('not_found');
  hub.fault = () => undefined;
  const empty = join(scratch, 'empty');
  await cp(fileURLToPath(new URL('config.json', NANO_FOLDER)), join(empty, 'config.json'));
  hub.publish('org/empty', empty);
  expect(await codeOf(look('org/empty'))).toBe('unusable');
});

it('a name of one word, which the Hub leads on, unless it is a model of the server', async () => {
  hub.publish('org/renamed', fileURLToPath(NANO_FOLDER));
  hub.renamed.set('old-name', 'org/renamed');
  const store = await ModelStore.open(join(scratch, 'store'));
  expect(await store.lookUp('old-name')).toEqual({ from: 'hub', reference: 'old-name' });
  expect(await look('old-name').then(() => 'there')).toBe('there');
  const files = await openFiles({ from: 'hub', reference: 'old-name' });
  expect((await readModelConfig(files)).family).toBeDefined();
  await cp(fileURLToPath(NANO_FOLDER), join(scratch, 'store', 'models', 'old-name'), { recursive: true });
  expect(await store.lookUp('old-name')).toMatchObject({ from: 'store', model: { name: 'old-name' } });
  // What a job remembers means the same for ever.
  const remembered = rememberedName({ from: 'hub', reference: 'old-name' }, 'old-name');
  expect(await store.resolve(remembered)).toEqual({ from: 'hub', reference: 'old-name@main' });
  expect((await openFiles(await store.resolve(remembered))).name).toBe('old-name');
  const mine = rememberedName(await store.lookUp('old-name'), 'old-name');
  await store.remove('old-name');
  await expect(store.resolve(mine)).rejects.toMatchObject({ code: 'not_found' });
  const reason = (name: string) => store.lookUp(name).catch(({ code, message }) => `${code}: ${message}`);
  expect(await reason('no-name')).toBe(
    'not_found: There is no model "no-name". GET /models lists those of this server. The Hugging Face Hub has none of that name either.',
  );
  expect(await reason('..')).toBe('not_found: There is no model "..". GET /models lists those of this server.');
  vi.stubEnv('HF_HUB_OFFLINE', '1');
  expect(await reason('no-name')).toMatch(
    /^unavailable: There is no model "no-name".* cannot say whether it has one: .*the server's HF_HUB_OFFLINE/,
  );
  vi.stubEnv('HF_HUB_OFFLINE', '');
  hub.fault = () => ({ kind: 'status', status: 503 });
  expect(await reason('no-name')).toMatch(/^unavailable: There is no model "no-name"/);
});

it('what is asked often is looked up in the cache alone', async () => {
  const store = await ModelStore.open(join(scratch, 'often'));
  const asked = hub.asked.length;
  await expect(store.lookUpHere('gpt-4o')).rejects.toMatchObject({ code: 'not_found' });
  // Fetched before.
  expect(await store.lookUpHere('old-name')).toEqual({ from: 'hub', reference: 'old-name' });
  expect(await cachedHubFiles('org/never')).toBeUndefined();
  expect(hub.asked.length).toBe(asked);
});

it('a Hub that does not answer, or must not be asked', async () => {
  hub.fault = () => ({ kind: 'status', status: 503 });
  expect(await codeOf(look('org/nano'))).toBe('unavailable');
  vi.stubEnv('HF_HUB_OFFLINE', '1');
  expect(await codeOf(look('org/nano'))).toBe('unavailable');
  vi.stubEnv('HF_HUB_OFFLINE', '');
});

it('a folder whose config is damaged', async () => {
  const folder = join(scratch, 'damaged');
  await cp(fileURLToPath(NANO_FOLDER), folder, { recursive: true });
  await writeFile(join(folder, 'config.json'), '{');
  expect(await codeOf(assertAvailable({ from: 'store', model: { name: 'damaged', folder } }))).toBe('unusable');
});
