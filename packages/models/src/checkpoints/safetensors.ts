// The safetensors format: eight bytes with the header's length, a JSON header, then the tensors' bytes. Nothing in the
// file is believed before it is checked.

import { isObject } from '@ludic/io';
import { isNatural, type Json } from '../config/model-config.ts';
import { ModelError } from '../errors.ts';
import { numberOfHalf } from './halves.ts';
import { isLfsPointer, LFS_ADVICE } from './refusals.ts';

/** Bytes of one element. */
export const SIZES = { F64: 8, F32: 4, F16: 2, BF16: 2, I64: 8, I32: 4, I16: 2, I8: 1, U8: 1, BOOL: 1 } as const;
/** The types of numbers that safetensors knows, by its own names, such as `F32` and `BF16`. */
export type TensorDtype = keyof typeof SIZES;

/** A tensor as it is stored: its bytes, not yet numbers. */
export interface StoredTensor {
  readonly dtype: TensorDtype;
  readonly shape: readonly number[];
  /** A view of the file, little endian. */
  readonly data: Uint8Array;
}

/** A tensor to be written under a name. */
export interface NamedTensor extends StoredTensor {
  readonly name: string;
}

/** The contents of a safetensors file. Tensors are views of its bytes, not copies. */
export interface Safetensors {
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  readonly metadata: Readonly<Record<string, string>>;
}

const LARGEST_HEADER = 100_000_000;

/** A tensor's place in a file. */
export interface TensorPlace {
  readonly dtype: TensorDtype;
  readonly shape: readonly number[];
  /** Bytes of the file from `begin` up to `end`. */
  readonly begin: number;
  readonly end: number;
}

/** @throws ModelError `bad_safetensors` for anything that is not exactly the format */
export function readSafetensors(file: Uint8Array): Safetensors {
  const headerEnd = safetensorsHeaderEnd(file.subarray(0, 8), file.length);
  const { places, metadata } = readSafetensorsHeader(file.subarray(8, headerEnd), file.length);
  const view = ([name, { dtype, shape, begin, end }]: readonly [string, TensorPlace]) =>
    [name, { dtype, shape, data: file.subarray(begin, end) }] as const;
  return { tensors: new Map(Array.from(places, view)), metadata };
}

/** Where the header ends, from the first eight bytes of a file of `size` bytes. @throws ModelError `bad_safetensors` */
export function safetensorsHeaderEnd(first: Uint8Array, size: number): number {
  if (first.length < 8) throw bad(`it has ${first.length} bytes, fewer than the 8 of the header's length`);
  const headerLength = Number(viewOf(first).getBigUint64(0, true));
  if (isLfsPointer(first)) throw bad(LFS_ADVICE);
  if (headerLength > LARGEST_HEADER) throw bad(`its header would be ${headerLength} bytes long`);
  if (8 + headerLength > size) throw bad(`it is cut off: ${8 + headerLength - size} bytes of the header are missing`);
  return 8 + headerLength;
}

/**
 * Where the tensors lie in a file of `size` bytes whose header, bytes 8 up to its end, is given.
 * @throws ModelError `bad_safetensors`
 */
export function readSafetensorsHeader(
  bytes: Uint8Array,
  size: number,
): { readonly places: ReadonlyMap<string, TensorPlace>; readonly metadata: Readonly<Record<string, string>> } {
  const start = 8 + bytes.length;
  const header = parseHeader(bytes);
  const places = new Map<string, TensorPlace>();
  let metadata: Record<string, string> = {};
  const ranges: { readonly name: string; readonly begin: number; readonly end: number }[] = [];
  for (const [name, entry] of Object.entries(header)) {
    if (name === '__metadata__') {
      metadata = readMetadata(entry);
      continue;
    }
    const { dtype, shape, begin, end } = readEntry(name, entry);
    if (start + end > size) throw bad(`it is cut off: ${start + end - size} bytes of ${name} are missing`);
    ranges.push({ name, begin, end });
    places.set(name, { dtype, shape, begin: start + begin, end: start + end });
  }
  ranges.sort((a, b) => a.begin - b.begin || a.end - b.end);
  let at = 0;
  for (const { name, begin, end } of ranges) {
    if (begin !== at)
      throw bad(begin < at ? `${name} overlaps another tensor` : `there are ${begin - at} unused bytes before ${name}`);
    at = end;
  }
  if (start + at !== size) throw bad(`${size - start - at} bytes follow its last tensor`);
  return { places, metadata };
}

function parseHeader(bytes: Uint8Array): Json {
  let text: string;
  let header: unknown;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    header = JSON.parse(text);
  } catch (error) {
    throw new ModelError('bad_safetensors', 'This is no safetensors file: its header is no JSON.', { cause: error });
  }
  if (!isObject(header)) throw bad('its header is no object');
  const twice = repeatedKey(text);
  if (twice !== undefined) throw bad(`its header says ${JSON.stringify(twice)} twice`);
  return header;
}

/** A key that stands twice in one object of a JSON text, of which parsers believe one or the other. */
function repeatedKey(json: string): string | undefined {
  const objects: Set<string>[] = [];
  for (const [, bracket, key] of json.matchAll(/([{}])|"((?:[^"\\]|\\.)*)"(?=\s*:)|"(?:[^"\\]|\\.)*"/g)) {
    if (bracket === '{') objects.push(new Set());
    else if (bracket === '}') objects.pop();
    else if (key !== undefined) {
      const name: string = JSON.parse(`"${key}"`);
      if (objects.at(-1)!.has(name)) return name;
      objects.at(-1)!.add(name);
    }
  }
  return undefined;
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
  if (!Array.isArray(shape) || !shape.every(isNatural)) throw bad(`the shape of ${name} is no list of whole numbers`);
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isNatural) || offsets[0]! > offsets[1]!) {
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
      return Float32Array.from(new Uint16Array(data.slice().buffer), numberOfHalf);
    default:
      throw new ModelError('bad_tensors', `A tensor of type ${dtype} holds no floating-point numbers.`);
  }
}

/** Bytes that are read at once where they must be widened. */
const CHUNK = 2 ** 22;

/**
 * The numbers of a tensor of a floating type, from a file that is read in parts: straight to where they stay if they are
 * float32, else through a few MB at a time.
 * @param read puts the file's bytes from `at` into `into`
 */
export async function readFloats(
  { dtype, begin, end }: TensorPlace,
  read: (at: number, into: Uint8Array) => Promise<void>,
): Promise<Float32Array> {
  const numbers = new Float32Array((end - begin) / SIZES[dtype]);
  if (dtype === 'F32') await read(begin, new Uint8Array(numbers.buffer));
  else {
    const chunk = new Uint8Array(Math.min(CHUNK, end - begin));
    for (let at = begin; at < end; at += CHUNK) {
      const data = chunk.subarray(0, Math.min(CHUNK, end - at));
      await read(at, data);
      numbers.set(toFloat32({ dtype, shape: [], data }), (at - begin) / SIZES[dtype]);
    }
  }
  return numbers;
}

/** A file as its header and the tensors' own bytes, not copied. The same tensors give the same bytes. */
export const safetensorsParts = (
  tensors: readonly NamedTensor[],
  metadata: Readonly<Record<string, string>>,
): readonly Uint8Array[] => [safetensorsStart(tensors, metadata), ...tensors.map(({ data }) => data)];

/** What stands before the bytes of the tensors, which follow each other in this order. */
export function safetensorsStart(
  tensors: readonly Pick<NamedTensor, 'name' | 'dtype' | 'shape'>[],
  metadata: Readonly<Record<string, string>>,
): Uint8Array {
  const entries: [string, unknown][] = Object.keys(metadata).length > 0 ? [['__metadata__', metadata]] : [];
  let at = 0;
  for (const { name, dtype, shape } of tensors) {
    const end = at + shape.reduce((size, length) => size * length, SIZES[dtype]);
    entries.push([name, { dtype, shape, data_offsets: [at, end] }]);
    at = end;
  }
  // Made of entries, because an assignment to a tensor's name may mean something else: `__proto__`.
  const text = new TextEncoder().encode(JSON.stringify(Object.fromEntries(entries)));
  // The data begin at a multiple of eight.
  const headerLength = Math.ceil(text.length / 8) * 8;
  const start = new Uint8Array(8 + headerLength).fill(0x20);
  viewOf(start).setBigUint64(0, BigInt(headerLength), true);
  start.set(text, 8);
  return start;
}

/** The same as one array. */
export function writeSafetensors(
  tensors: readonly NamedTensor[],
  metadata: Readonly<Record<string, string>>,
): Uint8Array {
  const parts = safetensorsParts(tensors, metadata);
  const file = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    file.set(part, at);
    at += part.length;
  }
  return file;
}

export const viewOf = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

const bad = (what: string) =>
  new ModelError('bad_safetensors', `This is no safetensors file that can be used: ${what}.`);
