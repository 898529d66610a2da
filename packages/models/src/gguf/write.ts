// A GGUF file from a model: header first, then one tensor after the other, each made while it is written.

import type { ByteStream } from '@ludic/graph';
import { isObject } from '@ludic/io';
import { floats, type HostTensor } from '@ludic/runtime';
import { readConfig, tensorsOf } from '../architectures/registry.ts';
import { inverseFrequencies } from '../architectures/rope.ts';
import { readJson } from '../checkpoints/model-files.ts';
import type { TokenizerFiles } from '../checkpoints/tokenizer-files.ts';
import { namesShown } from '../config/known-fields.ts';
import type { Json, ModelConfig } from '../config/model-config.ts';
import { ModelError } from '../errors.ts';
import { BLOCK_TYPES } from './block-types.ts';
import { ggufConfig } from './config.ts';
import { GGUF_FAMILIES } from './families.ts';
import { ROPE_FACTORS } from './gguf-files.ts';
import { readGgufHeader } from './gguf-header.ts';
import { toGguf, transposed } from './layout.ts';
import { GgufMetadata } from './metadata.ts';
import { nameInGguf } from './names.ts';
import { tokenizerFields } from './tokenizer-metadata.ts';
import type { GgufFields } from './traits.ts';
import { WRITTEN_TYPES, type WrittenType } from './written-types.ts';

/** Numbers of the weights of an exported GGUF file: 16 bits, or 8 with a scale for each 32. */
export const GGUF_DTYPES = ['f16', 'q8_0'] as const;
/** One of `GGUF_DTYPES`. */
export type GgufDtype = (typeof GGUF_DTYPES)[number];

const ALIGNMENT = 32;
const TYPES: Readonly<Record<GgufDtype, { readonly weights: WrittenType; readonly fileType: number }>> = {
  f16: { weights: 'F16', fileType: 1 },
  q8_0: { weights: 'Q8_0', fileType: 7 },
};

interface Written {
  readonly name: string;
  /** Rows first. */
  readonly shape: readonly number[];
  readonly type: WrittenType;
  readonly bytes: () => Uint8Array;
}

/**
 * A model as a GGUF file that llama.cpp and its like run. Its parts read the parameters when they are written.
 * @param beside the model's other files, complete: `completeTokenizerFiles`
 * @throws ModelError `bad_config` where GGUF cannot say what the model is, `bad_tokenizer` where it has no name for how its words are split, `bad_tensors` where a number is too
 *   large for 16 bits
 */
export async function ggufFile(
  config: ModelConfig,
  parameters: Readonly<Record<string, HostTensor>>,
  beside: TokenizerFiles,
  { dtype, name }: { readonly dtype: GgufDtype; readonly name: string },
): Promise<ByteStream> {
  const { weights, fileType } = TYPES[dtype];
  const tensors = writtenTensors(config, parameters, weights);
  const gguf = GGUF_FAMILIES[config.family];
  const header = headerBytes(
    {
      'general.architecture': gguf.architecture,
      'general.type': 'model',
      'general.name': name,
      'general.file_type': { u32: fileType },
      'general.quantization_version': { u32: 2 },
      'general.alignment': { u32: ALIGNMENT },
      ...gguf.writeConfig(config),
      ...tokenizerFields(await jsonOf(beside, 'tokenizer.json'), await jsonOf(beside, 'tokenizer_config.json'), config),
    },
    tensors,
  );
  await checkSaid(config, header, tensors);
  return (function* () {
    yield header;
    for (const { name: tensor, bytes, type, shape } of tensors) {
      const data = bytes();
      const length = sizeOf(type, shape);
      if (data.length !== length) throw new Error(`${tensor}: ${data.length} bytes for ${length}`);
      yield data;
      if (length % ALIGNMENT !== 0) yield new Uint8Array(ALIGNMENT - (length % ALIGNMENT));
    }
  })();
}

/** What is read from the file must be the model again. */
async function checkSaid(config: ModelConfig, header: Uint8Array, tensors: readonly Written[]): Promise<void> {
  const size = tensors.reduce((sum, { type, shape }) => sum + roomOf(type, shape), header.length);
  const file = { size, read: async (at: number, into: Uint8Array) => into.set(header.subarray(at, at + into.length)) };
  const read = await readGgufHeader({ ...file, close: async () => {} });
  const { rotary, ...said } = readConfig(ggufConfig(new GgufMetadata(read)).json);
  const differing = (Object.keys(config) as (keyof ModelConfig)[]).filter(
    (name) => name !== 'rotary' && !/TokenIds?$/.test(name) && !isEqual(config[name], said[name as keyof typeof said]),
  );
  // Factors by dimension are in a tensor, which is read apart.
  const { theta, scaling } = config.rotary ?? {};
  const isSaid = scaling === undefined || 'lowFreqFactor' in scaling || isEqual(scaling, rotary?.scaling);
  if (theta !== rotary?.theta || !isSaid) differing.push('rotary');
  if (differing.length === 0) return;
  throw new ModelError(
    'bad_config',
    `A GGUF file cannot say ${namesShown(differing)} of this model. Export the model as a folder.`,
  );
}

const isEqual = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

async function jsonOf(files: TokenizerFiles, name: string): Promise<Json> {
  const read = async (file: string) => {
    const data = files.get(file);
    return typeof data === 'string' ? new TextEncoder().encode(data) : data;
  };
  const json = await readJson({ name: 'the model', read }, name);
  if (isObject(json)) return json;
  throw new ModelError(
    'bad_tokenizer',
    `The model has no ${name} that says anything, and a GGUF file holds a tokenizer.`,
  );
}

function writtenTensors(
  config: ModelConfig,
  parameters: Readonly<Record<string, HostTensor>>,
  weights: WrittenType,
): Written[] {
  const gguf = GGUF_FAMILIES[config.family];
  const found = [...tensorsOf(config)].map(([own, { shape, linear }]): Written => {
    const isTurned = linear === 'in_out';
    const stored = isTurned ? [...shape].reverse() : shape;
    // As llama.cpp wants them: what is no matrix, and learned positions, in 32 bits; rows that no block divides, in 16.
    const isMatrix = shape.length === 2 && own !== gguf.positions;
    const fits = stored.at(-1)! % BLOCK_TYPES[weights].values === 0;
    const type = isMatrix ? (fits ? weights : 'F16') : 'F32';
    return {
      name: nameInGguf(own, gguf)!,
      shape: stored,
      type,
      bytes() {
        const numbers = floats(parameters[own]!);
        if (numbers.some((x) => !(Math.abs(x) <= WRITTEN_TYPES[type].largest)))
          throw new ModelError(
            'bad_tensors',
            `${own} holds numbers that ${type} cannot say. Export the model as a folder.`,
          );
        const layout = gguf.layoutOf?.(own);
        const turned = isTurned ? transposed(numbers, shape[0]!, shape[1]!) : numbers;
        return WRITTEN_TYPES[type].write(layout ? toGguf(turned, stored, layout, config) : turned);
      },
    };
  });
  const { rotary, headDim } = config;
  if (!rotary?.scaling || !('lowFreqFactor' in rotary.scaling)) return found;
  const plain = inverseFrequencies({ theta: rotary.theta }, headDim);
  const factors = Float32Array.from(inverseFrequencies(rotary, headDim), (slower, i) => plain[i]! / slower);
  const shape = [factors.length];
  return [{ name: ROPE_FACTORS, shape, type: 'F32', bytes: () => WRITTEN_TYPES.F32.write(factors) }, ...found];
}

const sizeOf = (type: WrittenType, shape: readonly number[]): number => {
  const { values, bytes } = BLOCK_TYPES[type];
  return (shape.reduce((a, b) => a * b, 1) / values) * bytes;
};

/** Bytes with those that fill up to the next tensor. */
const roomOf = (type: WrittenType, shape: readonly number[]): number =>
  Math.ceil(sizeOf(type, shape) / ALIGNMENT) * ALIGNMENT;

function headerBytes(fields: GgufFields, tensors: readonly Written[]): Uint8Array {
  const out = new Writer();
  out.raw(new TextEncoder().encode('GGUF'));
  out.u32(3);
  out.u64(tensors.length);
  const said = Object.entries(fields).filter(([, value]) => value !== undefined);
  out.u64(said.length);
  for (const [name, value] of said) {
    out.text(name);
    out.field(value!);
  }
  let at = 0;
  for (const { name, shape, type } of tensors) {
    out.text(name);
    out.u32(shape.length);
    for (const size of [...shape].reverse()) out.u64(size);
    out.u32(BLOCK_TYPES[type].number);
    out.u64(at);
    at += roomOf(type, shape);
  }
  return out.bytes(ALIGNMENT);
}

/** Bytes from first to last, little endian. */
class Writer {
  readonly #parts: Uint8Array[] = [];
  #length = 0;

  raw(bytes: Uint8Array): void {
    this.#parts.push(bytes);
    this.#length += bytes.length;
  }

  u32(value: number): void {
    this.raw(new Uint8Array(Uint32Array.of(value).buffer));
  }

  u64(value: number): void {
    this.raw(new Uint8Array(BigUint64Array.of(BigInt(value)).buffer));
  }

  text(text: string): void {
    const bytes = new TextEncoder().encode(text);
    this.u64(bytes.length);
    this.raw(bytes);
  }

  field(value: NonNullable<GgufFields[string]>): void {
    if (typeof value === 'string') {
      this.u32(8);
      this.text(value);
    } else if (typeof value === 'boolean') {
      this.u32(7);
      this.raw(Uint8Array.of(Number(value)));
    } else if ('u32' in value) {
      this.u32(4);
      this.u32(value.u32);
    } else if ('f32' in value) {
      this.u32(6);
      this.raw(new Uint8Array(Float32Array.of(value.f32).buffer));
    } else if ('texts' in value) {
      this.#list(8, value.texts.length);
      for (const text of value.texts) this.text(text);
    } else if ('i32s' in value) {
      this.#list(5, value.i32s.length);
      this.raw(new Uint8Array(Int32Array.from(value.i32s).buffer));
    } else {
      this.#list(6, value.f32s.length);
      this.raw(new Uint8Array(Float32Array.from(value.f32s).buffer));
    }
  }

  #list(type: number, length: number): void {
    this.u32(9);
    this.u32(type);
    this.u64(length);
  }

  /** All of it, filled up with zeros to a multiple of `alignment`. */
  bytes(alignment: number): Uint8Array {
    const all = new Uint8Array(Math.ceil(this.#length / alignment) * alignment);
    let at = 0;
    for (const part of this.#parts) {
      all.set(part, at);
      at += part.length;
    }
    return all;
  }
}
