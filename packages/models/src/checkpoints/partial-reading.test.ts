// A checkpoint whose files are read in parts gives what one in memory gives, and one error where it is damaged.

import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stream } from '@ludic/random';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ModelError, type ModelFiles, readCheckpoint, readSafetensors, toFloat32 } from '../index.ts';
import { openModelFolder } from '../node.ts';
import { readFloats, readSafetensorsHeader, writeSafetensors } from './safetensors.ts';

const fixture = (name: string) => fileURLToPath(new URL(`../../fixtures/${name}`, import.meta.url));
let scratch = '';
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'ludic-parts-'));
});
afterAll(() => rm(scratch, { recursive: true }));

/** Files in memory, opened as a folder would be. */
function opened(contents: Readonly<Record<string, Uint8Array>>, open: string[] = []): ModelFiles {
  return {
    name: 'memory',
    read: async (name) => contents[name],
    async open(name) {
      const bytes = contents[name];
      if (!bytes) return undefined;
      open.push(name);
      return {
        size: bytes.length,
        async read(at, into) {
          expect(at).toBeGreaterThanOrEqual(0);
          expect(at + into.length).toBeLessThanOrEqual(bytes.length);
          into.set(bytes.subarray(at, at + into.length));
        },
        async close() {
          open.splice(open.indexOf(name), 1);
        },
      };
    },
  };
}

describe('reading in parts', () => {
  it.each(['llama-tiny', 'llama-tiny-sharded', 'qwen3-tiny-bf16', 'gpt2-tiny'])(
    'gives the same as whole files: %s',
    async (name) => {
      const files = await openModelFolder(fixture(name));
      const whole = await readCheckpoint({ name, read: files.read });
      expect(await readCheckpoint(files)).toEqual(whole);
    },
  );

  it('widens tensors larger than what is read at once', async () => {
    const random = stream('parts');
    const halves = Uint16Array.from({ length: 2 ** 21 + 12345 }, () => random.nextInt(0x7f80));
    const tensor = { name: 'a', dtype: 'BF16' as const, shape: [halves.length], data: new Uint8Array(halves.buffer) };
    const file = writeSafetensors(
      [{ ...tensor, name: 'first', shape: [3], data: tensor.data.slice(0, 6) }, tensor],
      {},
    );
    const headerLength = Number(new DataView(file.buffer).getBigUint64(0, true));
    const { places } = readSafetensorsHeader(file.subarray(8, 8 + headerLength), file.length);
    const floats = await readFloats(places.get('a')!, async (at, into) =>
      into.set(file.subarray(at, at + into.length)),
    );
    const whole = toFloat32(readSafetensors(file).tensors.get('a')!);
    expect(Buffer.compare(Buffer.from(floats.buffer), Buffer.from(whole.buffer))).toBe(0);
  });

  it('says which file is cut off, and which tensor holds no floating-point numbers', async () => {
    const config = await readFile(join(fixture('llama-tiny'), 'config.json'));
    const weights = await readFile(join(fixture('llama-tiny'), 'model.safetensors'));
    for (const length of [0, 5, 100, 5000]) {
      await writeFile(join(scratch, 'config.json'), config);
      await writeFile(join(scratch, 'model.safetensors'), weights.subarray(0, length));
      await expect(readCheckpoint(await openModelFolder(scratch))).rejects.toThrow(/^model\.safetensors: /);
    }
    const { tensors } = readSafetensors(new Uint8Array(weights));
    const whole = [...tensors].map(([name, tensor]) =>
      name === 'model.norm.weight'
        ? { name, dtype: 'I32' as const, shape: tensor.shape, data: tensor.data }
        : { name, ...tensor },
    );
    const integers = opened({
      'config.json': new Uint8Array(config),
      'model.safetensors': writeSafetensors(whole, {}),
    });
    await expect(readCheckpoint(integers)).rejects.toThrow(/model\.norm\.weight is I32/);
  });

  it('gives a model or one error for a thousand damaged files, and closes them all', async () => {
    const contents = {
      'config.json': new Uint8Array(await readFile(join(fixture('smollm-tiny'), 'config.json'))),
      'model.safetensors': new Uint8Array(await readFile(join(fixture('smollm-tiny'), 'model.safetensors'))),
    };
    const whole = contents['model.safetensors'];
    const headerEnd = 8 + Number(new DataView(whole.buffer, whole.byteOffset).getBigUint64(0, true));
    const random = stream('damage');
    let models = 0;
    for (let i = 0; i < 1000; i++) {
      let bytes = whole.slice();
      for (let change = random.nextInt(4); change >= 0; change--) {
        const at = random.nextInt(random.nextInt(4) === 0 ? bytes.length : headerEnd);
        bytes[at] = random.nextInt(3) === 0 ? 0x30 + random.nextInt(10) : random.nextInt(256);
      }
      if (random.nextInt(5) === 0) bytes = bytes.slice(0, random.nextInt(bytes.length + 1));
      const open: string[] = [];
      try {
        await readCheckpoint(opened({ ...contents, 'model.safetensors': bytes }, open));
        models++;
      } catch (error) {
        expect(error).toBeInstanceOf(ModelError);
        expect((error as Error).message.length).toBeLessThan(5000);
      }
      expect(open).toEqual([]);
    }
    // Damaged numbers alone still make a model.
    expect(models).toBeGreaterThan(50);
    expect(models).toBeLessThan(500);
  });
});
