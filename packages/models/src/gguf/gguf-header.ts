// The header of a GGUF file: metadata, and where the tensors lie. Nothing in the file is believed before it is checked.
// Source: the GGUF specification of ggml, versions 2 and 3.

import type { OpenFile } from '../checkpoints/model-files.ts';
import { isLfsPointer, LFS_ADVICE } from '../checkpoints/refusals.ts';
import { viewOf } from '../checkpoints/safetensors.ts';
import { namesShown, shown } from '../config/known-fields.ts';
import { ModelError } from '../errors.ts';
import { BLOCK_TYPES, type BlockType, blockTypeOf } from './block-types.ts';

/** A value of the metadata. Whole numbers beyond 2^53 lose their last bits. */
export type GgufValue = number | boolean | string | readonly GgufValue[];

/** A tensor's place in a file. */
export interface GgufTensor {
  readonly type: BlockType;
  /** Rows first, as everywhere here; the file itself says the row's length first. */
  readonly shape: readonly number[];
  /** Bytes of the file from `begin` up to `end`. */
  readonly begin: number;
  readonly end: number;
}

/** What the header of a GGUF file says. */
export interface GgufHeader {
  readonly metadata: ReadonlyMap<string, GgufValue>;
  readonly tensors: ReadonlyMap<string, GgufTensor>;
}

/** The header of the largest vocabulary that is published takes 16 MB. */
const LARGEST_HEADER = 2 ** 26;
/** Values in all lists together; a vocabulary of 262,144 tokens has about a million. */
const MOST_VALUES = 2 ** 23;
const MOST_TENSORS = 2 ** 16;
const MOST_FIELDS = 2 ** 16;
const LONGEST_NAME = 1024;
const MOST_DIMENSIONS = 4;
const DEEPEST_LIST = 4;

/** @throws ModelError `bad_gguf` */
export async function readGgufHeader(file: OpenFile): Promise<GgufHeader> {
  // The header does not say how long it is: more of the file is read as long as it goes on.
  for (let length = Math.min(2 ** 20, file.size); ; length = Math.min(2 * length, file.size)) {
    const bytes = new Uint8Array(length);
    await file.read(0, bytes);
    try {
      return parse(bytes, file.size);
    } catch (error) {
      if (!(error instanceof GoesOn)) throw error;
      if (length === file.size) throw bad('it is cut off in its header');
      if (length >= LARGEST_HEADER) throw bad(`its header is longer than ${LARGEST_HEADER} bytes`);
    }
  }
}

/** The bytes at hand end before the header does. */
class GoesOn extends Error {}

function parse(bytes: Uint8Array, size: number): GgufHeader {
  const reader = new Reader(bytes, size);
  readMagic(reader, bytes);
  const tensorCount = reader.count('tensors', MOST_TENSORS);
  const fieldCount = reader.count('metadata fields', MOST_FIELDS);
  const metadata = new Map<string, GgufValue>();
  for (let i = 0; i < fieldCount; i++) {
    const name = reader.name();
    if (metadata.has(name)) throw bad(`its metadata say ${shown(name)} twice`);
    metadata.set(name, reader.value(reader.u32(), name));
  }
  const infos = new Map<string, Omit<GgufTensor, 'end'>>();
  for (let i = 0; i < tensorCount; i++) {
    const name = reader.name();
    if (infos.has(name)) throw bad(`it holds ${shown(name)} twice`);
    infos.set(name, readInfo(reader, name));
  }
  const start = aligned(reader.at, alignmentOf(metadata));
  return { metadata, tensors: placed(infos, start, size) };
}

function readMagic(reader: Reader, bytes: Uint8Array): void {
  if (reader.text(4) !== 'GGUF') throw bad(isLfsPointer(bytes) ? LFS_ADVICE : 'it does not begin with "GGUF"');
  const version = reader.u32();
  if (version === 0x02000000 || version === 0x03000000) throw bad('its numbers are big-endian, which is not read here');
  if (version !== 2 && version !== 3) throw bad(`its version is ${version}, and versions 2 and 3 are known`);
}

function readInfo(reader: Reader, name: string): Omit<GgufTensor, 'end'> {
  const dimensions = reader.u32();
  if (dimensions < 1 || dimensions > MOST_DIMENSIONS) throw bad(`${shown(name)} has ${dimensions} dimensions`);
  const shape = Array.from({ length: dimensions }, () => reader.u64()).reverse();
  const number = reader.u32();
  const type = blockTypeOf(number);
  if (!type)
    throw bad(
      `${shown(name)} has the type ${number}, which is not read here. Known: ${Object.keys(BLOCK_TYPES).join(', ')}`,
    );
  return { type, shape, begin: reader.u64() };
}

/** Where the tensors lie in the file. They may not overlap. */
function placed(
  infos: ReadonlyMap<string, Omit<GgufTensor, 'end'>>,
  start: number,
  size: number,
): ReadonlyMap<string, GgufTensor> {
  const tensors = new Map<string, GgufTensor>();
  for (const [name, { type, shape, begin: offset }] of infos) {
    const { values, bytes } = BLOCK_TYPES[type];
    const row = shape.at(-1)!;
    if (row % values !== 0)
      throw bad(`a row of ${shown(name)} has ${row} numbers, no multiple of the ${values} of a block`);
    const length = (shape.reduce((a, b) => a * b, 1) / values) * bytes;
    const begin = start + offset;
    const end = begin + length;
    if (!(length > 0 && end <= size))
      throw bad(
        end > size ? `it is cut off: ${end - size} bytes of ${shown(name)} are missing` : `${shown(name)} is empty`,
      );
    tensors.set(name, { type, shape, begin, end });
  }
  const inOrder = [...tensors].sort(([, a], [, b]) => a.begin - b.begin);
  for (const [i, [name, { begin }]] of inOrder.entries())
    if (i > 0 && inOrder[i - 1]![1].end > begin) throw bad(`${namesShown([inOrder[i - 1]![0], name])} overlap`);
  return tensors;
}

const aligned = (at: number, alignment: number): number => Math.ceil(at / alignment) * alignment;

function alignmentOf(metadata: ReadonlyMap<string, GgufValue>): number {
  const value = metadata.get('general.alignment') ?? 32;
  if (typeof value !== 'number' || value < 1 || value > 2 ** 16 || value % 1 !== 0)
    throw bad(`general.alignment is ${shown(value)}; a number of bytes is needed`);
  return value;
}

/** Reads the beginning of a file of `size` bytes from first to last. */
class Reader {
  at = 0;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #size: number;
  readonly #decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  #values = 0;

  constructor(bytes: Uint8Array, size: number) {
    this.#bytes = bytes;
    this.#view = viewOf(bytes);
    this.#size = size;
  }

  /** The place of the next `length` bytes, which are passed. */
  #take(length: number): number {
    const { at } = this;
    if (at + length > this.#size) throw bad('it is cut off in its header');
    if (at + length > this.#bytes.length) throw new GoesOn();
    this.at += length;
    return at;
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4), true);
  }

  u64(): number {
    return Number(this.#view.getBigUint64(this.#take(8), true));
  }

  text(length: number): string {
    const at = this.#take(length);
    return this.#decoder.decode(this.#bytes.subarray(at, at + length));
  }

  /** How many of something follow. */
  count(what: string, most: number): number {
    const count = this.u64();
    if (count > most) throw bad(`it would hold ${count} ${what}, and at most ${most} are read`);
    return count;
  }

  name(): string {
    const length = this.u64();
    if (length === 0 || length > LONGEST_NAME) throw bad(`a name in its header would have ${length} bytes`);
    return this.text(length);
  }

  /** @param type its number in the file, @param field whose value it is */
  value(type: number, field: string, depth = 0): GgufValue {
    switch (type) {
      case 0:
        return this.#view.getUint8(this.#take(1));
      case 1:
        return this.#view.getInt8(this.#take(1));
      case 2:
        return this.#view.getUint16(this.#take(2), true);
      case 3:
        return this.#view.getInt16(this.#take(2), true);
      case 4:
        return this.u32();
      case 5:
        return this.#view.getInt32(this.#take(4), true);
      case 6:
        return this.#view.getFloat32(this.#take(4), true);
      case 7:
        return this.#view.getUint8(this.#take(1)) !== 0;
      case 8:
        return this.text(this.u64());
      case 9:
        return this.#list(field, depth);
      case 10:
        return this.u64();
      case 11:
        return Number(this.#view.getBigInt64(this.#take(8), true));
      case 12:
        return this.#view.getFloat64(this.#take(8), true);
      default:
        throw bad(`its field ${shown(field)} has the unknown type ${type}`);
    }
  }

  #list(field: string, depth: number): readonly GgufValue[] {
    if (depth >= DEEPEST_LIST) throw bad(`its field ${shown(field)} is nested deeper than ${DEEPEST_LIST} lists`);
    const type = this.u32();
    const count = this.u64();
    this.#values += count;
    if (this.#values > MOST_VALUES) throw bad(`the lists of its metadata would hold more than ${MOST_VALUES} values`);
    const values: GgufValue[] = [];
    for (let i = 0; i < count; i++) values.push(this.value(type, field, depth + 1));
    return values;
  }
}

export const bad = (what: string) => new ModelError('bad_gguf', `This is no GGUF file that can be used: ${what}.`);
