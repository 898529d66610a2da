// Weights as PyTorch's torch.save writes them, pytorch_model.bin: a zip archive with a pickle and one entry per storage,
// or, before PyTorch 1.6, pickles in a row with the storages behind them. The pickle says how tensors lie in storages;
// storages are read once it is done, so that tensors share them. Nothing of the file is executed.

import { isNatural } from '../config/model-config.ts';
import { badTorchFile, type PickleGlobal, PickleList, quoted, readPickle } from './pickle.ts';
import { isLfsPointer, LFS_ADVICE } from './refusals.ts';
import { SIZES, type StoredTensor, type TensorDtype, viewOf } from './safetensors.ts';
import { readZip } from './zip.ts';

/** By the names of their storages. */
const STORAGES = {
  DoubleStorage: 'F64',
  FloatStorage: 'F32',
  HalfStorage: 'F16',
  BFloat16Storage: 'BF16',
  LongStorage: 'I64',
  IntStorage: 'I32',
  ShortStorage: 'I16',
  CharStorage: 'I8',
  ByteStorage: 'U8',
  BoolStorage: 'BOOL',
} as const satisfies Record<string, TensorDtype>;

interface TorchStorage {
  readonly key: string;
  readonly dtype: TensorDtype;
  /** In elements. */
  readonly length: number;
}

const bytesOf = ({ dtype, length }: TorchStorage) => length * SIZES[dtype];

/** How a tensor lies in its storage, in elements. */
class TensorView {
  readonly storage: TorchStorage;
  readonly offset: number;
  readonly shape: readonly number[];
  readonly strides: readonly number[];
  constructor(storage: TorchStorage, offset: number, shape: readonly number[], strides: readonly number[]) {
    this.storage = storage;
    this.offset = offset;
    this.shape = shape;
    this.strides = strides;
  }
}

/** A dictionary of tensors by name. @throws ModelError `bad_torch_file` for everything else */
export function readTorchFile(bytes: Uint8Array): ReadonlyMap<string, StoredTensor> {
  if (startsWith(bytes, [0x50, 0x4b, 0x03, 0x04])) return readZipFormat(bytes);
  if (startsWith(bytes, [0x80])) return readOldFormat(bytes);
  if (isLfsPointer(bytes)) throw badTorchFile(LFS_ADVICE);
  throw badTorchFile('it begins neither as a zip archive nor as a pickle');
}

function readZipFormat(file: Uint8Array): ReadonlyMap<string, StoredTensor> {
  const entries = readZip(file);
  const pickles = [...entries.keys()].filter((name) => /^[^/]*\/data\.pkl$/.test(name));
  if (pickles.length !== 1) throw badTorchFile(`its zip archive has ${pickles.length} entries data.pkl instead of one`);
  const folder = pickles[0]!.slice(0, -'data.pkl'.length);
  // Older files do not say it: they are taken for little-endian, as PyTorch takes them.
  const order = entries.get(`${folder}byteorder`);
  if (order && new TextDecoder().decode(order.subarray(0, 16)) !== 'little') throw badTorchFile(BIG_ENDIAN);
  const { value, storages } = readTensorPickle(entries.get(pickles[0]!)!, 0);
  const contents = new Map<string, Uint8Array>();
  for (const storage of storages.values()) {
    const { key } = storage;
    const data = entries.get(`${folder}data/${key}`);
    if (!data) throw badTorchFile(`its zip archive lacks the storage ${quoted(key)}`);
    if (data.length !== bytesOf(storage)) {
      throw badTorchFile(`the storage ${quoted(key)} has ${data.length} bytes and should have ${bytesOf(storage)}`);
    }
    contents.set(key, data);
  }
  return tensorsOf(value, contents, file.length);
}

const BIG_ENDIAN = 'its numbers are big-endian, which is not supported';
const MAGIC = 0x1950a86a20f9469cfc6cn;
const PROTOCOL = 1001;
const NO_RULES = { globals: new Map(), persistent: () => null };

function readOldFormat(file: Uint8Array): ReadonlyMap<string, StoredTensor> {
  const magic = readPickle(file, 0, NO_RULES);
  if (magic.value !== MAGIC) throw badTorchFile('it is a pickle that torch.save did not write');
  const protocol = readPickle(file, magic.end, NO_RULES);
  if (protocol.value !== PROTOCOL) throw badTorchFile(`its format is not the known one, ${PROTOCOL}`);
  const system = readPickle(file, protocol.end, NO_RULES);
  if (!(system.value instanceof Map)) throw badTorchFile('it does not say what machine wrote it');
  if (system.value.get('little_endian') !== true) throw badTorchFile(BIG_ENDIAN);
  const { value, storages, end } = readTensorPickle(file, system.end);
  const keys = readPickle(file, end, NO_RULES);
  if (!(keys.value instanceof PickleList)) throw badTorchFile('it does not list its storages');
  const contents = new Map<string, Uint8Array>();
  const view = viewOf(file);
  let at = keys.end;
  for (const key of keys.value.items) {
    const storage = typeof key === 'string' ? storages.get(key) : undefined;
    if (!storage || contents.has(storage.key)) throw badTorchFile('it lists storages that no tensor needs');
    const bytes = bytesOf(storage);
    if (at + 8 + bytes > file.length) throw badTorchFile(`it is cut off in the storage ${quoted(storage.key)}`);
    const length = Number(view.getBigInt64(at, true));
    if (length !== storage.length) {
      throw badTorchFile(`the storage ${quoted(storage.key)} has ${length} numbers and should have ${storage.length}`);
    }
    contents.set(storage.key, file.subarray(at + 8, at + 8 + bytes));
    at += 8 + bytes;
  }
  if (at !== file.length) throw badTorchFile(`${file.length - at} bytes follow its last storage`);
  return tensorsOf(value, contents, file.length);
}

/** The pickle of the tensors, and the storages that it refers to. */
function readTensorPickle(
  bytes: Uint8Array,
  start: number,
): { value: unknown; end: number; storages: ReadonlyMap<string, TorchStorage> } {
  const storages = new Map<string, TorchStorage>();
  const persistent = (id: unknown): TorchStorage => {
    const [kind, global, key, , length, view] = Array.isArray(id) ? id : [];
    const dtype = DTYPES.get(global);
    if (kind !== 'storage' || !dtype || typeof key !== 'string' || !isNatural(length)) {
      throw badTorchFile('it refers to something outside its pickle that is no storage');
    }
    if (view !== undefined && view !== null) throw badTorchFile('it has views of storages, which are not supported');
    const known = storages.get(key);
    if (known && (known.dtype !== dtype || known.length !== length)) {
      throw badTorchFile(`it describes the storage ${quoted(key)} in two ways`);
    }
    const storage = known ?? { key, dtype, length };
    storages.set(key, storage);
    return storage;
  };
  return { ...readPickle(bytes, start, { globals: GLOBALS, persistent }), storages };
}

/** Everything that a file may name. */
const GLOBALS: ReadonlyMap<string, PickleGlobal> = new Map<string, PickleGlobal>([
  ['collections.OrderedDict', { call: orderedDict }],
  ['torch._utils._rebuild_tensor_v2', { call: rebuildTensor }],
  ['torch._utils._rebuild_parameter', { call: rebuildParameter }],
  ...Object.keys(STORAGES).map((name) => [`torch.${name}`, {}] as const),
]);

const DTYPES: ReadonlyMap<unknown, TensorDtype> = new Map(
  Object.entries(STORAGES).map(([name, dtype]) => [GLOBALS.get(`torch.${name}`), dtype]),
);

function orderedDict(args: readonly unknown[]): Map<string, unknown> {
  if (args.length > 0) throw badTorchFile('its pickle makes an OrderedDict in an unknown way');
  return new Map();
}

/** Arguments: storage, offset, shape, strides, requires_grad, backward_hooks, and perhaps metadata. */
function rebuildTensor(args: readonly unknown[]): TensorView {
  const [storage, offset, shape, strides, , , metadata] = args;
  const known = isStorage(storage) && isNatural(offset) && areExtents(shape) && areExtents(strides);
  if (!known || shape.length !== strides.length) throw badTorchFile('its pickle makes a tensor in an unknown way');
  // Lazily negated and conjugated tensors carry metadata: their numbers are not those of the storage.
  if (metadata !== undefined && metadata !== null) throw badTorchFile('it has a tensor with metadata');
  return new TensorView(storage, offset, shape, strides);
}

/** Arguments: tensor, requires_grad, backward_hooks. */
function rebuildParameter([tensor]: readonly unknown[]): TensorView {
  if (!(tensor instanceof TensorView)) throw badTorchFile('its pickle makes a parameter of what is no tensor');
  return tensor;
}

/** PyTorch's own loops take 64 axes. Without a limit, many tensors could share one tuple of a million. */
const areExtents = (value: unknown): value is readonly number[] =>
  Array.isArray(value) && value.length <= 64 && value.every(isNatural);
const isStorage = (value: unknown): value is TorchStorage =>
  typeof value === 'object' && value !== null && 'key' in value;

/** How many times the file's length all copies together may take: honest files copy a tensor or two. */
const MOST_COPIED = 4;

function tensorsOf(
  value: unknown,
  contents: ReadonlyMap<string, Uint8Array>,
  fileLength: number,
): ReadonlyMap<string, StoredTensor> {
  if (!(value instanceof Map)) throw badTorchFile('it holds something else than a dictionary of tensors');
  const tensors = new Map<string, StoredTensor>();
  let left = MOST_COPIED * fileLength;
  for (const [name, view] of value as Map<string, unknown>) {
    if (!(view instanceof TensorView)) throw badTorchFile(`${quoted(name)} in it is no tensor`);
    const { storage, offset, shape, strides } = view;
    const { dtype } = storage;
    const size: number = SIZES[dtype];
    const data = contents.get(storage.key);
    if (!data) throw badTorchFile(`it lacks the storage ${quoted(storage.key)}`);
    if (shape.includes(0)) {
      tensors.set(name, { dtype, shape, data: data.subarray(0, 0) });
      continue;
    }
    const last = shape.reduce((sum, length, axis) => sum + (length - 1) * strides[axis]!, offset);
    if (last >= storage.length) throw badTorchFile(`${quoted(name)} reaches beyond its storage`);
    // Where an axis has length one, its stride means nothing.
    const axes = shape.map((length, axis) => ({ length, stride: strides[axis]! })).filter(({ length }) => length > 1);
    const bytes = axes.reduce((product, { length }) => product * length, size);
    if (isContiguous(axes)) {
      tensors.set(name, { dtype, shape, data: data.subarray(offset * size, offset * size + bytes) });
      continue;
    }
    left -= bytes;
    if (left < 0) throw badTorchFile(`${quoted(name)} is much larger than the file`);
    tensors.set(name, { dtype, shape, data: gather(data, size, offset, axes, bytes) });
  }
  return tensors;
}

interface Axis {
  readonly length: number;
  readonly stride: number;
}

function isContiguous(axes: readonly Axis[]): boolean {
  let expected = 1;
  return axes.toReversed().every(({ length, stride }) => {
    const right = stride === expected;
    expected *= length;
    return right;
  });
}

/** Copies a view into row-major order. The axes have lengths above one: they are fewer than the bits of `bytes`. */
function gather(data: Uint8Array, size: number, offset: number, axes: readonly Axis[], bytes: number): Uint8Array {
  const copy = new Uint8Array(bytes);
  let to = 0;
  const walk = (depth: number, from: number) => {
    const { length, stride } = axes[depth]!;
    for (let i = 0, at = from; i < length; i++, at += stride * size) {
      if (depth + 1 < axes.length) walk(depth + 1, at);
      else for (let byte = 0; byte < size; byte++) copy[to++] = data[at + byte]!;
    }
  };
  walk(0, offset * size);
  return copy;
}

const startsWith = (bytes: Uint8Array, start: readonly number[]) => start.every((byte, i) => bytes[i] === byte);
