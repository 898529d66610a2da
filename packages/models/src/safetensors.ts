// The safetensors format: eight bytes with the header's length, a JSON header, then the tensors' bytes. Nothing in the
// file is believed before it is checked.

import { ModelError } from './errors.ts';

/** Bytes of one element. */
const SIZES = { F64: 8, F32: 4, F16: 2, BF16: 2, I64: 8, I32: 4, I16: 2, I8: 1, U8: 1, BOOL: 1 } as const;
export type TensorDtype = keyof typeof SIZES;

export interface StoredTensor {
  readonly dtype: TensorDtype;
  readonly shape: readonly number[];
  /** A view of the file, little endian. */
  readonly data: Uint8Array;
}

export interface NamedTensor extends StoredTensor {
  readonly name: string;
}

export interface Safetensors {
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  readonly metadata: Readonly<Record<string, string>>;
}

const LARGEST_HEADER = 100_000_000;

/** @throws ModelError `bad_safetensors` for anything that is not exactly the format */
export function readSafetensors(file: Uint8Array): Safetensors {
  if (file.length < 8) throw bad(`it has ${file.length} bytes, fewer than the 8 of the header's length`);
  const headerLength = Number(viewOf(file).getBigUint64(0, true));
  if (headerLength > LARGEST_HEADER) throw bad(`its header would be ${headerLength} bytes long`);
  const start = 8 + headerLength;
  if (start > file.length) throw bad(`it is cut off: ${start - file.length} bytes of the header are missing`);
  const header = parseHeader(file.subarray(8, start));
  const tensors = new Map<string, StoredTensor>();
  let metadata: Record<string, string> = {};
  const ranges: { readonly name: string; readonly begin: number; readonly end: number }[] = [];
  for (const [name, entry] of Object.entries(header)) {
    if (name === '__metadata__') {
      metadata = readMetadata(entry);
      continue;
    }
    const { dtype, shape, begin, end } = readEntry(name, entry);
    if (start + end > file.length)
      throw bad(`it is cut off: ${start + end - file.length} bytes of ${name} are missing`);
    ranges.push({ name, begin, end });
    tensors.set(name, { dtype, shape, data: file.subarray(start + begin, start + end) });
  }
  ranges.sort((a, b) => a.begin - b.begin || a.end - b.end);
  let at = 0;
  for (const { name, begin, end } of ranges) {
    if (begin !== at)
      throw bad(begin < at ? `${name} overlaps another tensor` : `there are ${begin - at} unused bytes before ${name}`);
    at = end;
  }
  if (start + at !== file.length) throw bad(`${file.length - start - at} bytes follow its last tensor`);
  return { tensors, metadata };
}

function parseHeader(bytes: Uint8Array): Record<string, unknown> {
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    throw new ModelError('bad_safetensors', 'This is no safetensors file: its header is no JSON.', { cause: error });
  }
  if (typeof header !== 'object' || header === null || Array.isArray(header)) throw bad('its header is no object');
  return header as Record<string, unknown>;
}

function readMetadata(entry: unknown): Record<string, string> {
  const right =
    typeof entry === 'object' && entry !== null && Object.values(entry).every((value) => typeof value === 'string');
  if (!right) throw bad('its metadata are not texts');
  return entry as Record<string, string>;
}

function readEntry(
  name: string,
  entry: unknown,
): { dtype: TensorDtype; shape: readonly number[]; begin: number; end: number } {
  if (typeof entry !== 'object' || entry === null) throw bad(`${name} is not described`);
  const { dtype, shape, data_offsets: offsets } = entry as Record<string, unknown>;
  if (typeof dtype !== 'string' || !Object.hasOwn(SIZES, dtype)) {
    throw bad(`${name} has the unknown type ${JSON.stringify(dtype)} (known: ${Object.keys(SIZES).join(', ')})`);
  }
  const natural = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
  if (!Array.isArray(shape) || !shape.every(natural)) throw bad(`the shape of ${name} is no list of whole numbers`);
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(natural) || offsets[0]! > offsets[1]!) {
    throw bad(`the place of ${name} in the file is not two whole numbers in order`);
  }
  const [begin, end] = offsets as [number, number];
  const size = shape.reduce((a, b) => a * b, SIZES[dtype as TensorDtype]);
  if (size !== end - begin) throw bad(`${name} needs ${size} bytes and has ${end - begin}`);
  return { dtype: dtype as TensorDtype, shape, begin, end };
}

/** The numbers of a tensor of a floating type: a view where the bytes already are aligned float32, else a copy. */
export function toFloat32({ dtype, data }: StoredTensor): Float32Array {
  switch (dtype) {
    case 'F32':
      return data.byteOffset % 4 === 0
        ? new Float32Array(data.buffer, data.byteOffset, data.length / 4)
        : new Float32Array(data.slice().buffer);
    case 'F64':
      return Float32Array.from(new Float64Array(data.slice().buffer));
    case 'BF16': {
      const halves = new Uint16Array(data.slice().buffer);
      const words = new Uint32Array(halves.length);
      for (let i = 0; i < halves.length; i++) words[i] = halves[i]! << 16;
      return new Float32Array(words.buffer);
    }
    case 'F16':
      return Float32Array.from(new Uint16Array(data.slice().buffer), halfToNumber);
    default:
      throw new ModelError('bad_tensors', `A tensor of type ${dtype} holds no floating-point numbers.`);
  }
}

function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** The same tensors give the same bytes. The data begin at a multiple of eight. */
export function writeSafetensors(
  tensors: readonly NamedTensor[],
  metadata: Readonly<Record<string, string>>,
): Uint8Array {
  const header: Record<string, unknown> = Object.keys(metadata).length > 0 ? { __metadata__: metadata } : {};
  let at = 0;
  for (const { name, dtype, shape, data } of tensors) {
    header[name] = { dtype, shape, data_offsets: [at, at + data.length] };
    at += data.length;
  }
  const text = new TextEncoder().encode(JSON.stringify(header));
  const headerLength = Math.ceil(text.length / 8) * 8;
  const file = new Uint8Array(8 + headerLength + at).fill(0x20, 8, 8 + headerLength);
  viewOf(file).setBigUint64(0, BigInt(headerLength), true);
  file.set(text, 8);
  let end = 8 + headerLength;
  for (const { data } of tensors) {
    file.set(data, end);
    end += data.length;
  }
  return file;
}

const viewOf = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

const bad = (what: string) =>
  new ModelError('bad_safetensors', `This is no safetensors file that can be used: ${what}.`);
