// What a source opens: a model to start from, a model that answers, and an adapter that is still being trained.

import { cp, mkdir, mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { adapterFiles, everyLinearLayer, mergeAdapter, newAdapter } from '@ludic/models';
import { writeFilesAtomically } from '@ludic/models/node';
import { NANO_FOLDER } from '@ludic/nano';
import { createRuntime } from '@ludic/runtime/node';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { hiddenPlaces } from './model-source.ts';
import { ModelStore } from './model-store.ts';
import { openFiles, openModel } from './open-model.ts';

let data: string;
let store: ModelStore;
beforeEach(async () => {
  data = await mkdtemp(join(tmpdir(), 'ludic-open-'));
  store = await ModelStore.open(data);
});
afterEach(() => rm(data, { recursive: true, force: true }));

const runtime = await createRuntime({ device: 'cpu', threads: 1 });
const nano = () => store.resolve('nano').then((source) => openModel(source, runtime));

describe('an adapter in training', () => {
  const lora = { rank: 2, alpha: 4, rankStabilized: false };

  async function train() {
    const { config, parameters } = await nano();
    const made = newAdapter(config, { ...lora, targets: everyLinearLayer(config) }, 1);
    // A new one changes nothing.
    for (const { data: values } of Object.values(made.parameters)) (values as Float32Array).fill(0.01);
    const run = join(data, 'models', 'run');
    await mkdir(join(run, 'checkpoints'), { recursive: true });
    const settings = { environment: 'tic_tac_toe', lora };
    await writeFile(join(run, 'config.json'), JSON.stringify({ formatVersion: 1, model: 'nano', settings }));
    await cp(fileURLToPath(NANO_FOLDER), join(run, 'checkpoints/step-000000'), { recursive: true });
    await writeFilesAtomically(join(run, 'checkpoints/step-000003'), new Map(adapterFiles(config, 'nano', made)));
    return mergeAdapter(config, await parameters.download(), made);
  }

  it('answers as the model that it is worked into', async () => {
    const merged = await train();
    const model = await openModel(await store.resolve('run'), runtime);
    expect(model.name).toBe('run');
    const found = await model.parameters.download();
    expect(Object.keys(found).sort()).toEqual(Object.keys(merged).sort());
    for (const [name, { data: values }] of Object.entries(merged)) expect(found[name]!.data).toEqual(values);
    const before = await (await nano()).parameters.download();
    expect(Object.keys(before).some((name) => !isEqual(before[name]!.data, found[name]!.data))).toBe(true);
  });

  it('is nothing to start from yet, and says so by name', async () => {
    await train();
    const source = await store.resolve('run');
    const error = await openFiles(source).catch((reason) => reason);
    expect(error).toMatchObject({ code: 'unusable', message: expect.stringMatching(/^run is still being trained/) });
    expect(hiddenPlaces(source).map(([place]) => place.startsWith(join(data, 'models', 'run')))).toEqual([true, true]);
  });
});

it('a folder that has gone since it was found is no model', async () => {
  const folder = join(data, 'models', 'plain');
  await cp(fileURLToPath(NANO_FOLDER), folder, { recursive: true });
  const source = await store.resolve('plain');
  expect((await openFiles(source)).name).toBe('plain');
  await store.remove('plain');
  await expect(openFiles(source)).rejects.toMatchObject({ name: 'ModelError', code: 'not_a_model' });
  await expect(openModel(source, runtime)).rejects.toMatchObject({ name: 'ModelError', code: 'not_a_model' });
});

it('is weighed before its weights are read, which wait to be admitted', async () => {
  const { parameters } = await nano();
  const bytes = Object.values(await parameters.download()).reduce((sum, { data: { length } }) => sum + 4 * length, 0);
  await cp(fileURLToPath(NANO_FOLDER), join(data, 'models', 'plain'), { recursive: true });
  await truncate(join(data, 'models', 'plain', 'model.safetensors'), 1000);
  const source = await store.resolve('plain');
  const weighed: number[] = [];
  const refusal = new Error('There is no room.');
  const admit = async (found: number) => {
    weighed.push(found);
    throw refusal;
  };
  await expect(openModel(source, runtime, admit)).rejects.toBe(refusal);
  expect(weighed).toEqual([bytes]);
  await expect(openModel(source, runtime)).rejects.toMatchObject({ name: 'ModelError' });
});

it.each(['no reference', 'a/b/c', '../x/y'])('%s is no model of the Hub', async (reference) => {
  await expect(openFiles({ from: 'hub', reference })).rejects.toMatchObject({ code: 'bad_reference' });
});

const isEqual = (one: ArrayLike<number | bigint>, other: ArrayLike<number | bigint>) =>
  one.length === other.length && Array.from(one).every((value, i) => value === other[i]);
