// The frozen weights of a model in blocks of eight or four bits a number. What training leaves alone need not be float32:
// a quarter or an eighth of the memory, and products on a CPU that are several times as fast.

import { BLOCK_SIZE, type BlockWeight } from '@ludic/graph/internal';
import { float32, floats, type HostTensor } from '@ludic/runtime';
import { sidesOf, type TensorSpec } from '../architectures/family.ts';
import { familyOf, tensorsOf } from '../architectures/registry.ts';
import type { ModelConfig } from '../config/model-config.ts';

/** Bits of a number of a frozen weight that is kept in blocks. */
export const BASE_BITS = [8, 4] as const;
/** One of `BASE_BITS`. */
export type BaseBits = (typeof BASE_BITS)[number];

/** A weight [out, in] whose numbers share scales: number = (q − 2^(bits − 1)) · scale. */
export interface Blocks {
  /** As `BlockWeight` lays them out. */
  readonly blocks: Uint8Array;
  /** [out, in / BLOCK_SIZE], each of at most 11 significant bits. */
  readonly scales: Float32Array;
}

/** The names of a weight's two tensors, in a graph and among parameters. */
export const blockNames = (name: string) => ({ blocks: `${name}.blocks`, scales: `${name}.scales` });

/** Sides of the weights that are kept in blocks, by name: linear layers and the table of embeddings, where whole blocks make them up. */
export function blockWeights(
  config: ModelConfig,
  bits: BaseBits,
): ReadonlyMap<string, Pick<BlockWeight, 'out' | 'in' | 'bits'>> {
  const { embeddings } = familyOf(config);
  const found = new Map<string, Pick<BlockWeight, 'out' | 'in' | 'bits'>>();
  for (const [name, spec] of tensorsOf(config)) {
    if (!spec.linear && name !== embeddings) continue;
    const [out, width] = sidesOf(spec);
    if (width % BLOCK_SIZE === 0 && (bits === 8 || out % 2 === 0)) found.set(name, { out, in: width, bits });
  }
  return found;
}

/** Shapes of the two tensors of a weight in blocks. */
export const blockShapes = ({ out, in: width, bits }: Pick<BlockWeight, 'out' | 'in' | 'bits'>) => ({
  blocks: [bits === 8 ? out : out / 2, width],
  scales: [out, width / BLOCK_SIZE],
});

/** A parameter as it is kept: in blocks, as two tensors, where it can be, else as it is. */
export function asBlocks(
  name: string,
  tensor: HostTensor,
  config: ModelConfig,
  bits: BaseBits,
): Readonly<Record<string, HostTensor>> {
  const sides = blockWeights(config, bits).get(name);
  if (!sides) return { [name]: tensor };
  const rows = rowsOf(floats(tensor), tensorsOf(config).get(name)!);
  const { blocks, scales } = quantized(rows, sides.out, sides.in, bits);
  const [names, shapes] = [blockNames(name), blockShapes(sides)];
  return {
    [names.blocks]: { location: 'host', type: 'uint8', dims: shapes.blocks, data: blocks },
    [names.scales]: float32(scales, shapes.scales),
  };
}

/**
 * Parameters by their names in the checkpoint, those that are kept in blocks as the float32 numbers that they stand for.
 * Each is made when it is asked for, and not kept.
 * @param bits undefined where none is in blocks
 */
export function floatParameters(
  kept: Readonly<Record<string, HostTensor>>,
  config: ModelConfig,
  bits: BaseBits | undefined,
): Readonly<Record<string, HostTensor>> {
  if (bits === undefined) return kept;
  const inBlocks = blockWeights(config, bits);
  const parameters: Record<string, HostTensor> = {};
  for (const [name, spec] of tensorsOf(config)) {
    const sides = inBlocks.get(name);
    const read = () => {
      if (!sides) return kept[name]!;
      const names = blockNames(name);
      const blocks = { blocks: kept[names.blocks]!.data as Uint8Array, scales: floats(kept[names.scales]!) };
      return float32(storedOrder(restored(blocks, sides.out, sides.in, bits), spec), spec.shape);
    };
    Object.defineProperty(parameters, name, { get: read, enumerable: true });
  }
  return parameters;
}

/** Blocks of smaller numbers are zeros: their steps would be too small for a normal float32. */
const NOTHING = 2 ** -100;

/** The numbers of a weight as [out, in]. */
function rowsOf(data: Float32Array, spec: TensorSpec): Float32Array {
  return spec.linear === 'in_out' ? transposed(data, spec.shape[0]!, spec.shape[1]!) : data;
}

/** The numbers of [out, in] in the order of the checkpoint. */
function storedOrder(data: Float32Array, spec: TensorSpec): Float32Array {
  return spec.linear === 'in_out' ? transposed(data, spec.shape[1]!, spec.shape[0]!) : data;
}

function transposed(data: Float32Array, rows: number, columns: number): Float32Array {
  const turned = new Float32Array(data.length);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) turned[column * rows + row] = data[row * columns + column]!;
  }
  return turned;
}

/**
 * Blocks of the numbers [out, in]. Quantizing what came from blocks gives the same blocks again: the largest number of a
 * block is a whole step, and a scale is short enough that all products with it are exact. Files of llama.cpp in Q8_0 and Q4_0 are
 * blocks of this kind, and stay as they are.
 */
export function quantized(numbers: Float32Array, out: number, width: number, bits: BaseBits): Blocks {
  const scales = new Float32Array((out * width) / BLOCK_SIZE);
  const blocks = new Uint8Array((out * width * bits) / 8);
  const half = (out / 2) * width;
  for (let block = 0; block < scales.length; block++) {
    const from = block * BLOCK_SIZE;
    let largest = 0;
    for (let i = from; i < from + BLOCK_SIZE; i++) {
      if (Math.abs(numbers[i]!) > Math.abs(largest)) largest = numbers[i]!;
    }
    // Of four bits there is one step more below zero than above: the largest number takes it.
    const scale = Math.abs(largest) < NOTHING ? 0 : short(bits === 8 ? Math.abs(largest) / 127 : largest / -8);
    scales[block] = scale;
    const inverse = scale === 0 ? 0 : 1 / scale;
    for (let i = from; i < from + BLOCK_SIZE; i++) {
      const steps = Math.round(numbers[i]! * inverse);
      if (bits === 8) blocks[i] = Math.max(-127, Math.min(127, steps)) + 128;
      else if (i < half) blocks[i] = Math.max(-8, Math.min(7, steps)) + 8;
      else blocks[i - half]! |= (Math.max(-8, Math.min(7, steps)) + 8) << 4;
    }
  }
  return { blocks, scales };
}

/** The numbers [out, in] that blocks stand for. */
export function restored({ blocks, scales }: Blocks, out: number, width: number, bits: BaseBits): Float32Array {
  const numbers = new Float32Array(out * width);
  const half = (out / 2) * width;
  for (let i = 0; i < numbers.length; i++) {
    const scale = scales[Math.floor(i / BLOCK_SIZE)]!;
    if (bits === 8) numbers[i] = (blocks[i]! - 128) * scale;
    else numbers[i] = ((i < half ? blocks[i]! & 15 : blocks[i - half]! >> 4) - 8) * scale;
  }
  return numbers;
}

/** Blocks in the order of ONNX Runtime's product: [out, in · bits / 8], of four bits neighbours in one byte, the first in its lower half. */
export function packedBlocks(blocks: Uint8Array, out: number, width: number, bits: BaseBits): Uint8Array {
  if (bits === 8) return blocks;
  const packed = new Uint8Array(blocks.length);
  const half = (out / 2) * width;
  for (let i = 0; i < half; i += 2) {
    const [first, second] = [blocks[i]!, blocks[i + 1]!];
    packed[i / 2] = (first & 15) | ((second & 15) << 4);
    packed[(half + i) / 2] = (first >> 4) | (second & 0xf0);
  }
  return packed;
}

const word = new Float32Array(1);
const bitsOfWord = new Uint32Array(word.buffer);

/** Rounded to 11 significant bits, as float16 has them, without its bounds. */
function short(x: number): number {
  word[0] = x;
  bitsOfWord[0] = (bitsOfWord[0]! + 0x1000) & 0xffffe000;
  return word[0]!;
}
