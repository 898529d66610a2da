// Models in real folders: names, what is found under them, damage, links, and removal.

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readdir, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { NANO_FOLDER } from '@ludic/nano';
import { ENDPOINTS } from '@ludic/service';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ModelStore } from './model-store.ts';

let data: string;
let models: string;
let store: ModelStore;

beforeEach(async () => {
  data = await realpath(await mkdtemp(join(tmpdir(), 'ludic-store-')));
  models = join(data, 'models');
  store = await ModelStore.open(data);
  // The Hub is not asked what it has.
  vi.stubEnv('HF_HUB_CACHE', join(data, 'cache'));
  vi.stubEnv('HF_HUB_OFFLINE', '1');
});
afterEach(() => {
  vi.unstubAllEnvs();
  return rm(data, { recursive: true, force: true });
});

const MODEL = ENDPOINTS.model.answers[200];
const CODE = (code: string) => expect.objectContaining({ name: 'ServiceError', code });

async function put(path: string, text = '{}'): Promise<void> {
  await mkdir(join(models, path, '..'), { recursive: true });
  await writeFile(join(models, path), text);
}

const config = (settings: object = { environment: 'tic_tac_toe' }) => JSON.stringify({ formatVersion: 1, settings });

async function putRun(name: string, steps: readonly number[], settings?: object): Promise<void> {
  await mkdir(join(models, name, 'checkpoints'), { recursive: true });
  await put(`${name}/config.json`, config(settings));
  for (const step of steps) {
    const folder = `${name}/checkpoints/step-${String(step).padStart(6, '0')}`;
    await put(`${folder}/config.json`);
    await put(`${folder}/model.safetensors`, `weights ${step}`);
    await put(`${folder}/optimizer.safetensors`, 'moments');
    await put(`${folder}/state.json`);
  }
}

const modelOf = async (path: string) => {
  const source = await store.resolve(path);
  return source.from === 'store' ? source.model : source.reference;
};

describe('what a name resolves to', () => {
  it('is nano, under each of its spellings, whatever lies in the data folder', async () => {
    await put('nano/config.json');
    for (const name of ['nano', './nano', '/nano'])
      expect(await modelOf(name)).toMatchObject({ name: 'nano', folder: fileURLToPath(NANO_FOLDER) });
    expect((await store.list()).map(({ name, kind }) => [name, kind])).toEqual([['nano', 'embedded']]);
  });

  it('is a GGUF file of the Hub by its name there', async () => {
    expect(await modelOf('org/name/a-Q4_K_M.gguf')).toBe('org/name/a-Q4_K_M.gguf');
  });

  it('is a folder with one GGUF file, and none with several', async () => {
    await put('quantized/a.gguf', 'GGUF');
    expect(await modelOf('quantized')).toEqual({
      name: 'quantized',
      kind: 'folder',
      folder: join(models, 'quantized'),
    });
    expect(await store.describe('quantized')).toMatchObject({ status: 'ready', size_bytes: 4 });
    await put('quantized/b.gguf', 'GGUF');
    await expect(store.resolve('quantized')).rejects.toEqual(CODE('unusable'));
  });

  it('is the finished model of a run, also where its config was lost since', async () => {
    await putRun('run', [0, 4]);
    await put('run/final/config.json');
    expect(await modelOf('run')).toEqual({ name: 'run', kind: 'run', folder: join(models, 'run/final') });
    await put('run/config.json', '{');
    expect(await modelOf('run')).toMatchObject({ folder: join(models, 'run/final') });
    expect(await store.describe('run')).toMatchObject({ status: 'ready', env_type: null });
  });

  it('is the last checkpoint of a run in training, found by its number and not by its letters', async () => {
    await putRun('run', [999_999, 1_000_000, 3]);
    await mkdir(join(models, 'run/checkpoints/.step-1000001.new'));
    await mkdir(join(models, 'run/.final.new'));
    expect(await modelOf('run')).toEqual({
      name: 'run',
      kind: 'run',
      folder: join(models, 'run/checkpoints/step-1000000'),
    });
  });

  it('is the first checkpoint with the last adapter, where an adapter is trained', async () => {
    await putRun('run', [0], { lora: { rank: 4 } });
    expect(await modelOf('run')).not.toHaveProperty('adapter');
    await putRun('run', [0, 2], { lora: { rank: 4 } });
    expect(await modelOf('run')).toEqual({
      name: 'run',
      kind: 'run',
      folder: join(models, 'run/checkpoints/step-000000'),
      adapter: join(models, 'run/checkpoints/step-000002'),
    });
    // The files of the first checkpoint alone would be another model.
    expect(await store.describe('run')).toMatchObject({ status: 'training', files: [] });
    await expect(store.file('run', 'config.json')).rejects.toEqual(CODE('not_found'));
  });

  it('is a plain folder, for a path as for its name', async () => {
    await put('tmp-mine/config.json');
    const found = { name: 'tmp-mine', kind: 'folder', folder: join(models, 'tmp-mine') };
    expect(await modelOf('/tmp/mine')).toEqual(found);
    expect(await modelOf('tmp-mine')).toEqual(found);
  });

  it('is a model of the Hub where the server has none of that name', async () => {
    expect(await modelOf('org/name')).toBe('org/name');
    expect(await modelOf('org/name@refs/pr/1')).toBe('org/name@refs/pr/1');
    await put('org-name', 'a stray file is no model');
    expect(await modelOf('org/name')).toBe('org/name');
    await rm(join(models, 'org-name'));
    await put('org-name/config.json');
    expect(await modelOf('org/name')).toMatchObject({ name: 'org-name' });
  });

  it.each([
    '',
    '.',
    '..',
    '../models',
    'a/../b',
    '/etc/passwd/..',
    '.removed',
    'nothing',
    './x',
    'org/..',
    'org/name@../..',
    'a/b/c',
    'x\0',
    'nano\n',
    'constructor',
    'x'.repeat(5000),
  ])('is nothing for %j', async (path) => {
    await put('.removed/config.json');
    const error = await store.resolve(path).catch((reason) => reason);
    expect(error).toEqual(CODE('not_found'));
    expect(error.message.length).toBeLessThan(300);
    expect(error.message).not.toContain(data);
  });

  it.each<[string, () => Promise<void>]>([
    ['has no checkpoint yet', () => putRun('odd', [])],
    ['has no config yet', () => mkdir(join(models, 'odd/checkpoints'), { recursive: true }).then(() => {})],
    ['has half a config', () => putRun('odd', [1]).then(() => put('odd/config.json', '{"formatVersion'))],
    ['has an odd config', () => putRun('odd', [1]).then(() => put('odd/config.json', 'null'))],
    ['is of a later version', () => putRun('odd', [1]).then(() => put('odd/config.json', '{"formatVersion":2}'))],
    ['is empty', () => mkdir(join(models, 'odd')).then(() => {})],
  ])('is unusable where a folder %s; it is listed as empty and hides no other', async (_, make) => {
    await make();
    await putRun('good', [1]);
    const error = await store.resolve('odd').catch((reason) => reason);
    expect(error).toEqual(CODE('unusable'));
    expect(error.message).not.toContain(data);
    const list = await store.list();
    expect(list.map(({ name, status }) => [name, status])).toEqual([
      ['nano', 'ready'],
      ['good', 'training'],
      ['odd', 'empty'],
    ]);
    for (const each of list) expect(MODEL.safeParse(each).error).toBeUndefined();
    await store.remove('odd');
    expect(existsSync(join(models, 'odd'))).toBe(false);
  });

  it('never lies outside of the folder of models, and is never a fault, whatever is asked', async () => {
    await putRun('run', [0]);
    await put('org-name/config.json');
    const part = fc.constantFrom(
      '/',
      '..',
      '.',
      'run',
      'nano',
      'org',
      'name',
      '-',
      '@',
      '~',
      '%2e',
      '\\',
      '\0',
      'checkpoints',
      ' ',
    );
    const path = fc.oneof(
      fc.array(part, { maxLength: 8 }).map((parts) => parts.join('')),
      fc.string({ unit: 'binary', maxLength: 20 }),
      fc.constantFrom('org/name', 'Org-1/name.x@main', 'nano'),
    );
    const seen = new Set<string>();
    await fc.assert(
      fc.asyncProperty(path, async (text) => {
        const found = await store.resolve(text).catch((error) => error);
        if (found instanceof Error) {
          expect(found).toEqual(CODE('not_found'));
          seen.add('refused');
        } else if (found.from === 'hub') seen.add('hub');
        else {
          expect(found.model.folder.startsWith(models) || found.model.name === 'nano').toBe(true);
          seen.add('found');
        }
      }),
      { numRuns: 2000 },
    );
    expect([...seen].sort()).toEqual(['found', 'hub', 'refused']);
  });
});

describe('links', () => {
  it('lead nowhere: neither a model, nor a part of a run, nor a file', async () => {
    const outside = join(data, 'outside');
    await mkdir(outside);
    await writeFile(join(outside, 'config.json'), 'secret');
    await symlink(outside, join(models, 'link'));
    await mkdir(join(models, 'run/checkpoints'), { recursive: true });
    await put('run/config.json', config());
    await symlink(outside, join(models, 'run/final'));
    await putRun('other', []);
    await symlink(outside, join(models, 'other/checkpoints/step-000001'));
    await put('plain/config.json');
    await symlink(join(outside, 'config.json'), join(models, 'plain/secret.json'));
    await symlink(outside, join(models, 'plain/onnx'));
    await symlink('config.json', join(models, 'plain/same.json'));

    await expect(store.resolve('link')).rejects.toEqual(CODE('not_found'));
    await expect(store.describe('link')).rejects.toEqual(CODE('not_found'));
    for (const name of ['run', 'other']) await expect(store.resolve(name)).rejects.toEqual(CODE('unusable'));
    for (const [name, file] of [
      ['link', 'config.json'],
      ['run', 'config.json'],
      ['other', 'config.json'],
      ['plain', 'secret.json'],
      ['plain', 'onnx/config.json'],
    ] as const)
      await expect(store.file(name, file)).rejects.toEqual(CODE('not_found'));
    // A link to a neighbour stays within the model.
    expect(await store.file('plain', 'same.json')).toBe(join(models, 'plain/config.json'));
    expect((await store.describe('plain')).files.map(({ path }) => path)).toEqual(['config.json']);
    expect((await store.list()).map(({ name }) => name)).toEqual(['nano', 'other', 'plain', 'run']);
  });

  it('are removed themselves, not what they lead to', async () => {
    const outside = join(data, 'outside');
    await mkdir(outside);
    await writeFile(join(outside, 'kept'), '');
    await symlink(outside, join(models, 'link'));
    await put('plain/config.json');
    await symlink(outside, join(models, 'plain/onnx'));
    await store.remove('link');
    await store.remove('plain');
    expect(await readdir(outside)).toEqual(['kept']);
    expect(await readdir(models)).toEqual(['.removed']);
  });
});

describe('a description', () => {
  it('has the files that would be loaded, and not those of the trainer', async () => {
    await putRun('run', [0, 12]);
    await put('run/checkpoints/step-000012/onnx/model.onnx', 'graph');
    const described = await store.describe('run');
    expect(described).toMatchObject({ name: 'run', kind: 'run', status: 'training', env_type: 'tic_tac_toe' });
    expect(described.files).toEqual([
      { path: 'config.json', size_bytes: 2 },
      { path: 'model.safetensors', size_bytes: 10 },
      { path: 'onnx/model.onnx', size_bytes: 5 },
    ]);
    expect(described.size_bytes).toBe(17);
    for (const { path } of described.files)
      expect(await store.file('run', path)).toBe(join(models, 'run/checkpoints/step-000012', path));
  });

  it.each(['nope', '..', '.removed', '../models', 'a/b', ''])('of %j is not found', async (name) => {
    await put('.removed/config.json');
    await expect(store.describe(name)).rejects.toEqual(CODE('not_found'));
    await expect(store.file(name, 'config.json')).rejects.toEqual(CODE('not_found'));
    await expect(store.remove(name)).rejects.toEqual(CODE('not_found'));
    expect(existsSync(join(models, '.removed/config.json'))).toBe(true);
  });

  it.each([
    '',
    '/',
    '.',
    '..',
    '../config.json',
    '../../config.json',
    'onnx/../config.json',
    './config.json',
    '/etc/passwd',
    'config.json/',
    'config.json/x',
    '.hidden',
    'onnx',
    'no.json',
    'config.json\0',
    '\\..',
    '%2e%2e/config.json',
  ])('has no file %j', async (path) => {
    await put('plain/config.json');
    await put('plain/.hidden');
    await put('plain/onnx/model.onnx');
    await expect(store.file('plain', path)).rejects.toEqual(CODE('not_found'));
  });

  it('of a thing that is no regular file is none', async () => {
    await put('plain/config.json');
    expect(spawnSync('mkfifo', [join(models, 'plain/pipe')]).status).toBe(0);
    await expect(store.file('plain', 'pipe')).rejects.toEqual(CODE('not_found'));
    expect((await store.describe('plain')).files).toHaveLength(1);
  });

  it('is whole or refused while checkpoints come and go', async () => {
    await putRun('run', [0, 1]);
    await putRun('still', [7]);
    let over = false;
    const training = (async () => {
      for (let step = 2; step < 60; step++) {
        await putRun('run', [step]);
        await rm(join(models, `run/checkpoints/step-${String(step - 1).padStart(6, '0')}`), { recursive: true });
        if (step % 20 === 0) await store.remove('run').then(() => putRun('run', [step]));
      }
    })().finally(() => {
      over = true;
    });
    let looks = 0;
    while (!over) {
      const list = await store.list();
      expect(list.map(({ name }) => name)).toEqual(expect.arrayContaining(['nano', 'still']));
      for (const each of list) expect(MODEL.safeParse(each).error).toBeUndefined();
      const asked = [store.describe('run'), store.file('run', 'model.safetensors'), store.resolve('run')];
      for (const each of await Promise.allSettled<unknown>(asked))
        if (each.status === 'rejected') expect(['not_found', 'unusable']).toContain(each.reason.code);
      looks++;
    }
    await training;
    expect(looks).toBeGreaterThan(5);
  });
});

describe('removal', () => {
  it('spares nano', async () => {
    await put('nano/config.json');
    await expect(store.remove('nano')).rejects.toEqual(CODE('forbidden'));
    expect(existsSync(join(fileURLToPath(NANO_FOLDER), 'config.json'))).toBe(true);
    expect(existsSync(join(models, 'nano/config.json'))).toBe(true);
  });

  it('takes the name away at once, and the files before it answers', async () => {
    await putRun('run', [0, 1, 2]);
    const removing = store.remove('run');
    expect(existsSync(join(models, 'run'))).toBe(false);
    await removing;
    expect(await readdir(models)).toEqual(['.removed']);
    expect(await readdir(join(models, '.removed'))).toEqual([]);
    await expect(store.remove('run')).rejects.toEqual(CODE('not_found'));
  });

  it('takes away what a crash left of an earlier one', async () => {
    await put('.removed/earlier.123/checkpoints/step-000001/model.safetensors');
    await put('plain/config.json');
    await store.remove('plain');
    expect(await readdir(join(models, '.removed'))).toEqual([]);
  });

  it('happens once, however many ask for it, and for many models at once', async () => {
    const names = Array.from({ length: 20 }, (_, i) => `model-${i}`);
    await Promise.all(names.map((name) => putRun(name, [0, 1, 2])));
    const asked = await Promise.allSettled([...names, ...names, ...names].map((name) => store.remove(name)));
    const done = asked.filter(({ status }) => status === 'fulfilled');
    expect(done).toHaveLength(20);
    for (const each of asked) if (each.status === 'rejected') expect(each.reason).toEqual(CODE('not_found'));
    expect(await readdir(join(models, '.removed'))).toEqual([]);
    expect((await store.list()).map(({ name }) => name)).toEqual(['nano']);
  });

  it('leaves the longest name removable', async () => {
    const name = 'x'.repeat(100);
    await put(`${name}/config.json`);
    await store.remove(name);
    expect(existsSync(join(models, name))).toBe(false);
  });
});

it('a data folder that is reached by a link has the same models', async () => {
  await put('plain/config.json');
  const link = `${data}-link`;
  await symlink(data, link);
  try {
    const other = await ModelStore.open(link);
    expect(await other.file('plain', 'config.json')).toBe(join(models, 'plain/config.json'));
  } finally {
    await rm(link);
  }
});

it('a copy of nano is a model like any other', async () => {
  await cp(fileURLToPath(NANO_FOLDER), join(models, 'copy'), { recursive: true });
  const [copy, nano] = [await store.describe('copy'), await store.describe('nano')];
  expect(copy).toMatchObject({ kind: 'folder', status: 'ready', files: nano.files });
  expect(basename(await store.file('nano', 'model.safetensors'))).toBe('model.safetensors');
});
