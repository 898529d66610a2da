import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { stream } from '@ludic/random';
import { describe, expect, it } from 'vitest';
import { ModelError } from '../errors.ts';
import { openModelFolder } from '../node.ts';
import { readCheckpoint } from './checkpoint.ts';
import type { ModelFiles } from './model-files.ts';
import { readTorchFile } from './torch-file.ts';

const path = (name: string) => fileURLToPath(new URL(`../../fixtures/${name}`, import.meta.url));
const read = async (name: string) => new Uint8Array(await readFile(path(name)));
const zipFile = await read('gpt2-tiny-bin/pytorch_model.bin');
const oldFile = await read('gpt2-tiny-bin-legacy/pytorch_model.bin');

/** Every character a byte. */
const latin = (text: string) => Uint8Array.from(text, (char) => char.charCodeAt(0));
const little = (value: number, bytes: number) =>
  String.fromCharCode(...Array.from({ length: bytes }, (_, i) => Math.floor(value / 256 ** i) % 256));

/** A zip archive of stored entries. With `wide`, all sizes and places stand in the 64-bit fields. */
function zip(entries: Record<string, string>, { wide = false, method = 0 } = {}): Uint8Array {
  const narrow = (value: number) => little(wide ? 0xffffffff : value, 4);
  let body = '';
  let directory = '';
  for (const [name, data] of Object.entries(entries)) {
    const sizes = wide ? little(data.length, 8) + little(data.length, 8) + little(body.length, 8) : '';
    const extra = wide ? little(1, 2) + little(sizes.length, 2) + sizes : '';
    const lengths = little(name.length, 2) + little(extra.length, 2);
    const common = `${little(0, 2)}${little(method, 2)}${little(0, 8)}${narrow(data.length)}${narrow(data.length)}`;
    directory += `PK\x01\x02${little(45, 2)}${little(45, 2)}${common}${lengths}${little(0, 10)}${narrow(body.length)}${name}${extra}`;
    body += `PK\x03\x04${little(45, 2)}${common}${little(name.length, 2)}${little(0, 2)}${name}${data}`;
  }
  const count = Object.keys(entries).length;
  const end64 = `PK\x06\x06${little(44, 8)}${little(45, 2)}${little(45, 2)}${little(0, 8)}${little(count, 8)}${little(count, 8)}${little(directory.length, 8)}${little(body.length, 8)}`;
  const locator = `PK\x06\x07${little(0, 4)}${little(body.length + directory.length, 8)}${little(1, 4)}`;
  const end = `PK\x05\x06${little(0, 4)}${little(count, 2)}${little(count, 2)}${narrow(directory.length)}${narrow(body.length)}${little(0, 2)}`;
  return latin(body + directory + (wide ? end64 + locator : '') + end);
}

const text = (value: string) => `X${little(value.length, 4)}${value}`;
const int = (value: number) => `J${little(value, 4)}`;
const tuple = (...items: readonly string[]) => `(${items.join('')}t`;
const dictionary = (items: Record<string, string>) =>
  `}(${Object.entries(items)
    .map(([key, value]) => text(key) + value)
    .join('')}u`;
const FLOATS = 'ctorch\nFloatStorage\n';

interface Layout {
  readonly length?: number;
  readonly type?: string;
  readonly offset?: number;
  readonly shape: readonly number[];
  readonly strides: readonly number[];
}

/** A tensor of storage 0, which has `length` numbers. */
function tensor({ length = 6, type = FLOATS, offset = 0, shape, strides }: Layout): string {
  const storage = `${tuple(text('storage'), type, text('0'), text('cpu'), int(length))}Q`;
  const hooks = 'ccollections\nOrderedDict\n)R';
  const args = tuple(storage, int(offset), tuple(...shape.map(int)), tuple(...strides.map(int)), '\x89', hooks);
  return `ctorch._utils\n_rebuild_tensor_v2\n${args}R`;
}

const six = String.fromCharCode(...new Uint8Array(Float32Array.of(0, 1, 2, 3, 4, 5).buffer));
const archive = (pickled: string, more: Record<string, string> = {}, options = {}) =>
  zip({ 'x/data.pkl': `\x80\x02${pickled}.`, 'x/data/0': six, ...more }, options);

function numbers(file: Uint8Array, name: string): { shape: readonly number[]; values: readonly number[] } {
  const { dtype, shape, data } = readTorchFile(file).get(name)!;
  expect(dtype).toBe('F32');
  return { shape, values: [...new Float32Array(data.slice().buffer)] };
}

describe('pytorch_model.bin', () => {
  it.each(['gpt2-tiny-bin', 'gpt2-tiny-bin-legacy'])('of %s gives the parameters of the safetensors', async (name) => {
    const expected = await readCheckpoint(await openModelFolder(path('gpt2-tiny')));
    const { config, parameters } = await readCheckpoint(await openModelFolder(path(name)));
    expect(config).toEqual(expected.config);
    expect(Object.keys(parameters).length).toBeGreaterThan(20);
    expect(parameters).toEqual(expected.parameters);
  });

  it('may come in shards with an index', async () => {
    const expected = await readCheckpoint(await openModelFolder(path('gpt2-tiny')));
    const shards: Record<string, Uint8Array> = { 'a.bin': zipFile, 'b.bin': oldFile };
    const index = { weight_map: { 'wte.weight': 'a.bin', 'wpe.weight': 'b.bin' } };
    const config = await read('gpt2-tiny/config.json');
    const files = (index: unknown): ModelFiles => ({
      name: 'sharded',
      read: async (name) => {
        if (name === 'config.json') return config;
        return name === 'pytorch_model.bin.index.json' ? latin(JSON.stringify(index)) : shards[name];
      },
    });
    expect((await readCheckpoint(files(index))).parameters).toEqual(expected.parameters);
    const outside = files({ weight_map: { 'wte.weight': '../a.bin' } });
    await expect(readCheckpoint(outside)).rejects.toThrow(/pytorch_model\.bin\.index\.json names .* outside/);
    const lacking = files({ weight_map: { 'wte.weight': 'c.bin' } });
    await expect(readCheckpoint(lacking)).rejects.toThrow(/lacks the file c\.bin/);
    await expect(readCheckpoint(files(null))).rejects.toMatchObject({ code: 'bad_tensors' });
  });

  it('is named with the other files where a folder has no weights', async () => {
    const config = await read('gpt2-tiny/config.json');
    const files: ModelFiles = { name: 'bare', read: async (name) => (name === 'config.json' ? config : undefined) };
    await expect(readCheckpoint(files)).rejects.toThrow(
      /model\.safetensors, model\.safetensors\.index\.json, pytorch_model\.bin, pytorch_model\.bin\.index\.json/,
    );
  });
});

describe('tensors that PyTorch wrote', () => {
  // torch-views.bin is torch.save(sd, ...) of PyTorch 2.13, where sd is the state_dict() of a torch.nn.Linear (so that
  // it carries _metadata), cleared and updated with what follows; a = torch.arange(6.).reshape(2, 3):
  //   whole a, transposed a.t(), offset a[1], column a[:, 1], parameter Parameter(a[:1]) (all in one storage),
  //   scalar tensor(7), empty zeros(0, 3), expanded tensor([True]).expand(2, 2),
  //   swapped arange(24, dtype=bfloat16).reshape(2, 3, 4).transpose(0, 1), and one tensor of each other type:
  //   half [0.5, -2], double [0.5], int [-1], short [-2], char [-3], byte [200].
  it('come out row-major whatever their offsets and strides', async () => {
    const file = await read('torch-views.bin');
    const tensors = readTorchFile(file);
    expect(numbers(file, 'whole')).toEqual({ shape: [2, 3], values: [0, 1, 2, 3, 4, 5] });
    expect(numbers(file, 'transposed')).toEqual({ shape: [3, 2], values: [0, 3, 1, 4, 2, 5] });
    expect(numbers(file, 'offset')).toEqual({ shape: [3], values: [3, 4, 5] });
    expect(numbers(file, 'column')).toEqual({ shape: [2], values: [1, 4] });
    expect(numbers(file, 'parameter')).toEqual({ shape: [1, 3], values: [0, 1, 2] });
    expect(numbers(file, 'empty')).toEqual({ shape: [0, 3], values: [] });
    const { shape, data } = tensors.get('swapped')!;
    expect(shape).toEqual([3, 2, 4]);
    // The upper half of a float32 is the bfloat16.
    const swapped = [0, 1, 2, 3, 12, 13, 14, 15, 4, 5, 6, 7, 16, 17, 18, 19, 8, 9, 10, 11, 20, 21, 22, 23];
    const upper = [...new Uint32Array(Float32Array.from(swapped).buffer)].map((word) => word >>> 16);
    expect([...new Uint16Array(data.slice().buffer)]).toEqual(upper);
  });

  it('keep their types', async () => {
    const tensors = readTorchFile(await read('torch-views.bin'));
    const seen = (name: string) => {
      const { dtype, shape, data } = tensors.get(name)!;
      return [dtype, shape, [...data]];
    };
    expect(seen('scalar')).toEqual(['I64', [], [7, 0, 0, 0, 0, 0, 0, 0]]);
    expect(seen('expanded')).toEqual(['BOOL', [2, 2], [1, 1, 1, 1]]);
    expect(seen('half')).toEqual(['F16', [2], [0, 0x38, 0, 0xc0]]);
    expect(seen('double')).toEqual(['F64', [1], [0, 0, 0, 0, 0, 0, 0xe0, 0x3f]]);
    expect(seen('int')).toEqual(['I32', [1], [255, 255, 255, 255]]);
    expect(seen('short')).toEqual(['I16', [1], [254, 255]]);
    expect(seen('char')).toEqual(['I8', [1], [253]]);
    expect(seen('byte')).toEqual(['U8', [1], [200]]);
    expect(tensors.size).toBe(15);
  });

  it('share the bytes of the file where they are contiguous', () => {
    for (const file of [zipFile, oldFile]) {
      for (const { data } of readTorchFile(file).values()) expect(data.buffer).toBe(file.buffer);
    }
  });
});

describe('a PyTorch file', () => {
  const good = dictionary({ w: tensor({ shape: [2, 3], strides: [3, 1] }) });

  it('may have 64-bit sizes in its zip archive', () => {
    const file = archive(good, {}, { wide: true });
    expect(numbers(file, 'w')).toEqual({ shape: [2, 3], values: [0, 1, 2, 3, 4, 5] });
    expect(numbers(file, 'w')).toEqual(numbers(archive(good), 'w'));
  });

  const one = (layout: Layout) => archive(dictionary({ w: tensor(layout) }));
  const huge = { shape: Array(64).fill(2), strides: Array(64).fill(0) };
  it.each<[string, Uint8Array, RegExp]>([
    ['calls a function of the system', archive(`cos\nsystem\n${text('true')}\x85R`), /"os\.system"/],
    ['names another function of PyTorch', archive('ctorch.storage\n_load_from_bytes\n.'), /_load_from_bytes"/],
    ['names a builtin', archive('cbuiltins\neval\n.'), /"builtins\.eval"/],
    ['has an opcode of another protocol', archive('\x8c\x02os\x8c\x06system\x93'), /opcode 0x8c/],
    ['is of another protocol', zip({ 'x/data.pkl': '\x80\x04}.' }), /protocol 4/],
    ['makes an instance', archive(`ccollections\nOrderedDict\n)\x81`), /opcode 0x81/],
    ['calls a storage', archive(`${FLOATS})R`), /torch\.FloatStorage/],
    ['calls a number', archive('K\x01)R'), /cannot be called/],
    ['has attributes for a tensor', archive(`${tensor({ shape: [], strides: [] })}}b`), /no dictionary/],
    ['holds no dictionary', archive(tensor({ shape: [], strides: [] })), /something else/],
    ['holds something else than tensors', archive(dictionary({ w: int(3) })), /"w" in it is no tensor/],
    ['reaches beyond its storage', one({ shape: [2, 3], strides: [3, 2] }), /beyond its storage/],
    ['begins beyond its storage', one({ offset: 6, shape: [], strides: [] }), /beyond its storage/],
    ['has negative strides', one({ offset: 5, shape: [6], strides: [-1] }), /unknown way/],
    ['has an axis without stride', one({ shape: [2, 3], strides: [1] }), /unknown way/],
    ['is small and would be huge', one({ shape: [1e9, 1e9], strides: [0, 0] }), /much larger than the file/],
    ['has very many axes', one(huge), /much larger than the file/],
    ['has more axes than PyTorch', one({ shape: Array(65).fill(1), strides: Array(65).fill(1) }), /unknown way/],
    ['has a storage of another size', one({ length: 7, shape: [6], strides: [1] }), /24 bytes and should have 28/],
    ['lacks a storage', zip({ 'x/data.pkl': `\x80\x02${good}.` }), /lacks the storage "0"/],
    ['lacks its pickle', zip({ 'x/data/0': six }), /0 entries data\.pkl/],
    ['is big-endian', archive(good, { 'x/byteorder': 'big' }), /big-endian/],
    ['is compressed', archive(good, {}, { method: 8 }), /"x\/data\.pkl" of its zip archive is compressed/],
    ['gives more than there is', archive('}(u\x87'), /more from its stack/],
    ['closes what is not open', archive('}u'), /never began/],
    ['remembers nothing', archive('h\x00'), /memo 0/],
    ['is full of nothing', archive('}'.repeat(100_000)), /too many empty objects/],
    ['is something else', latin('version https://git-lfs.github.com/spec/v1'), /Git LFS pointer, not the file itself/],
    ['is empty', new Uint8Array(), /neither/],
    ['is another pickle', latin('\x80\x02}.'), /torch\.save did not write/],
  ])('that %s is refused', (_, file, message) => {
    let error: unknown;
    try {
      readTorchFile(file);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(ModelError);
    expect(error).toMatchObject({ code: 'bad_torch_file', message: expect.stringMatching(message) });
  });

  it('is refused where the old format is big-endian', () => {
    const file = oldFile.slice();
    const said = String.fromCharCode(...file.subarray(0, 200)).indexOf('little_endian');
    const value = file.indexOf(0x88, said);
    file[value] = 0x89;
    expect(() => readTorchFile(file)).toThrow(/big-endian/);
  });

  it('is refused where many tensors are copies of one storage', () => {
    const transposed = tensor({ length: 600, shape: [300, 2], strides: [1, 300] });
    // The memo keeps the first one: each other takes a few bytes here and would take 2,400 as a copy.
    const copies = (count: number) => Array.from({ length: count }, (_, i) => `${text(`w${i}`)}h\x00`).join('');
    const holding = (count: number) =>
      archive(`}(${text('w')}${transposed}q\x00${copies(count)}u`, { 'x/data/0': six.repeat(100) });
    expect(readTorchFile(holding(2)).size).toBe(3);
    const file = holding(200);
    expect(() => readTorchFile(file)).toThrow(/much larger than the file/);
  });

  it.each([
    ['zip', zipFile],
    ['old', oldFile],
  ])('of the %s format gives tensors or a ModelError however it is damaged', (format, file) => {
    let refused = 0;
    for (let round = 0; round < 1000; round++) {
      try {
        const tensors = readTorchFile(damaged(file, format, round));
        for (const { data } of tensors.values()) expect(data).toBeInstanceOf(Uint8Array);
      } catch (error) {
        if (!(error instanceof ModelError)) throw new Error(`round ${round}`, { cause: error });
        expect(error.message).toMatch(/^This is no PyTorch file .*\.$/s);
        refused++;
      }
    }
    expect(refused).toBeGreaterThan(500);
  });
});

/** Flips bytes, cuts the file or doubles a piece; most often where the format lies and not the numbers. */
function damaged(file: Uint8Array, format: string, round: number): Uint8Array {
  const random = stream('damaged', format, round);
  const place = () => {
    const where = random.nextInt(4);
    if (where === 0) return random.nextInt(file.length);
    return where === 1 ? file.length - 1 - random.nextInt(3000) : random.nextInt(3000);
  };
  switch (random.nextInt(3)) {
    case 0: {
      const copy = file.slice();
      for (let i = random.nextInt(4); i >= 0; i--) copy[place()]! ^= 1 + random.nextInt(255);
      return copy;
    }
    case 1:
      return file.slice(0, place());
    default: {
      const from = place();
      const to = Math.min(file.length, from + 1 + random.nextInt(400));
      return Uint8Array.from([...file.subarray(0, to), ...file.subarray(from)]);
    }
  }
}
