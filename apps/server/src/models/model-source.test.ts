// Versions of models as the store finds them: whatever changes what would be loaded gives another key.

import { cp, mkdir, mkdtemp, open as openFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { NANO_FOLDER } from '@ludic/nano';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TIC_TAC_TOE } from '../../testing/models.ts';
import { InferencePool } from '../inference/pool.ts';
import { modelKey } from './model-source.ts';
import { ModelStore } from './model-store.ts';

let data: string;
let store: ModelStore;
beforeEach(async () => {
  data = await mkdtemp(join(tmpdir(), 'ludic-key-'));
  store = await ModelStore.open(data);
});
afterEach(() => rm(data, { recursive: true, force: true }));

const place = (...parts: string[]) => join(data, 'models', ...parts);
const putNano = (...parts: string[]) => cp(fileURLToPath(NANO_FOLDER), place(...parts), { recursive: true });
const keyOf = async (path: string) => modelKey(await store.resolve(path));

/** Overwrites the last of the weights, in place and at the same length. */
async function changeWeights(...parts: string[]): Promise<void> {
  const file = await openFile(place(...parts, 'model.safetensors'), 'r+');
  const { size } = await file.stat();
  await file.write(Buffer.alloc(64), 0, 64, size - 64);
  await file.close();
}

describe('the key of a model', () => {
  it('stays while nothing changes, under each way to say its name', async () => {
    await putNano('runs-a');
    expect(await keyOf('runs/a')).toEqual(await keyOf('runs-a'));
    expect((await keyOf('runs-a')).bytes).toBe((await keyOf('nano')).bytes);
    expect((await keyOf('runs-a')).name).not.toBe((await keyOf('nano')).name);
  });

  it('has another version after each checkpoint, with the finished model, and when trained again under its name', async () => {
    const settings = { environment: 'tic_tac_toe' };
    const train = async (step: number) => putNano('run', 'checkpoints', `step-${String(step).padStart(6, '0')}`);
    const begin = async () => {
      await mkdir(place('run', 'checkpoints'), { recursive: true });
      await writeFile(place('run', 'config.json'), JSON.stringify({ formatVersion: 1, settings }));
      await train(0);
    };
    const keys = [];
    for (let round = 0; round < 2; round++) {
      await begin();
      keys.push(await keyOf('run'));
      await train(1);
      keys.push(await keyOf('run'));
      await putNano('run', 'final');
      keys.push(await keyOf('run'));
      await store.remove('run');
    }
    expect(new Set(keys.map(({ version }) => version)).size).toBe(6);
    expect(new Set(keys.map(({ name }) => name)).size).toBe(1);
  });

  it('has another version where weights were copied over those of a plain folder', async () => {
    await putNano('plain');
    const before = await keyOf('plain');
    await changeWeights('plain');
    expect((await keyOf('plain')).version).not.toBe(before.version);
  });
});

it('a model that was deleted and made again is loaded anew; while it is gone the old one cannot be reached', async () => {
  const pool = new InferencePool({ threads: 1 });
  try {
    const play = async () => pool.rollout(await store.resolve('one'), TIC_TAC_TOE);
    const pids = () => pool.status.processes.map(({ pid }) => pid);
    await putNano('one');
    await play();
    const [before] = pids();
    await store.remove('one');
    await expect(play()).rejects.toMatchObject({ code: 'not_found' });
    await putNano('one');
    await changeWeights('one');
    await play();
    expect(pids()).toHaveLength(1);
    expect(pids()).not.toContain(before);
  } finally {
    await pool.close();
  }
});
