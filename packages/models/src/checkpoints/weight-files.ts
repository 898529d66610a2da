// Where a model's weights are: in one file or several with an index, of safetensors or PyTorch's own format. Tensors of
// safetensors are read from their file one at a time, where it can be read in parts.

import { ModelError } from '../errors.ts';
import type { FoundTensor } from './found-tensor.ts';
import { type ModelFiles, type OpenFile, readJson } from './model-files.ts';
import { lacksWeights } from './refusals.ts';
import {
  readFloats,
  readSafetensors,
  readSafetensorsHeader,
  type StoredTensor,
  safetensorsHeaderEnd,
  type TensorPlace,
  toFloat32,
} from './safetensors.ts';

interface WeightsFormat {
  /** Finds the tensors of a file that is in memory. */
  readonly inMemory: (bytes: Uint8Array) => Promise<ReadonlyMap<string, StoredTensor>>;
  /** Finds those of a file that can be read in parts. */
  readonly inParts?: (file: OpenFile) => Promise<ReadonlyMap<string, FoundTensor>>;
}

/** Files that hold a model's weights, the preferred first. Beside each may lie an index of several such files. */
const WEIGHTS: readonly (readonly [file: string, format: WeightsFormat])[] = [
  ['model.safetensors', { inMemory: async (bytes) => readSafetensors(bytes).tensors, inParts: findSafetensors }],
  // A page that never meets one does not load its reader.
  ['pytorch_model.bin', { inMemory: async (bytes) => (await import('./torch-file.ts')).readTorchFile(bytes) }],
];
/** Files that may hold all of a model's weights, the preferred first. */
export const WEIGHT_FILES: readonly string[] = WEIGHTS.map(([file]) => file);
export const indexOf = (file: string): string => `${file}.index.json`;

/** @param opened gets the files that the tensors are still to be read from */
export async function findWeights(files: ModelFiles, opened: OpenFile[]): Promise<ReadonlyMap<string, FoundTensor>> {
  if (files.tensors) return files.tensors(opened);
  for (const [file, format] of WEIGHTS) {
    const whole = await findTensors(files, file, format, opened);
    if (whole) return whole;
    const index = await readJson(files, indexOf(file));
    if (index !== undefined) return findShards(files, indexOf(file), index, format, opened);
  }
  const names = WEIGHTS.flatMap(([file]) => [file, indexOf(file)]);
  throw lacksWeights(files.name, (await files.list?.()) ?? [], names);
}

/** The tensors of a file, undefined where there is no such file. */
async function findTensors(
  files: ModelFiles,
  name: string,
  { inMemory, inParts }: WeightsFormat,
  opened: OpenFile[],
): Promise<ReadonlyMap<string, FoundTensor> | undefined> {
  if (files.open && inParts) {
    const file = await files.open(name);
    if (!file) return undefined;
    opened.push(file);
    return inFile(name, () => inParts(file));
  }
  const bytes = await files.read(name);
  if (!bytes) return undefined;
  const tensors = await inFile(name, () => inMemory(bytes));
  return new Map(
    Array.from(tensors, ([tensorName, tensor]) => [
      tensorName,
      { dtype: tensor.dtype, shape: tensor.shape, floats: async () => toFloat32(tensor) },
    ]),
  );
}

async function findSafetensors(file: OpenFile): Promise<ReadonlyMap<string, FoundTensor>> {
  const bytes = async (from: number, to: number) => {
    const into = new Uint8Array(to - from);
    await file.read(from, into);
    return into;
  };
  const headerEnd = safetensorsHeaderEnd(await bytes(0, Math.min(8, file.size)), file.size);
  const { places } = readSafetensorsHeader(await bytes(8, headerEnd), file.size);
  const found = (place: TensorPlace): FoundTensor => ({
    dtype: place.dtype,
    shape: place.shape,
    floats: () => readFloats(place, (at, into) => file.read(at, into)),
  });
  return new Map(Array.from(places, ([name, place]) => [name, found(place)]));
}

async function findShards(
  files: ModelFiles,
  name: string,
  index: unknown,
  format: WeightsFormat,
  opened: OpenFile[],
): Promise<ReadonlyMap<string, FoundTensor>> {
  const tensors = new Map<string, FoundTensor>();
  for (const shard of new Set(shardsOf(files.name, name, index).values())) {
    const found = await findTensors(files, shard, format, opened);
    if (!found) throw new ModelError('bad_tensors', `${files.name} lacks the file ${shard} that its index names.`);
    for (const [tensorName, tensor] of found) tensors.set(tensorName, tensor);
  }
  return tensors;
}

/**
 * The file that holds each tensor, as an index of several files says.
 * @throws ModelError `bad_tensors` where it says nothing usable, or names a file outside the folder
 */
export function shardsOf(model: string, name: string, index: unknown): ReadonlyMap<string, string> {
  const map = (index as { weight_map?: unknown } | null)?.weight_map;
  if (typeof map !== 'object' || map === null || !Object.values(map).every((file) => typeof file === 'string')) {
    throw new ModelError('bad_tensors', `${name} of ${model} has no usable weight_map.`);
  }
  const shards = new Map(Object.entries(map as Record<string, string>));
  for (const shard of shards.values())
    if (/[/\\]/.test(shard)) throw new ModelError('bad_tensors', `${name} names the file ${shard} outside the folder.`);
  return shards;
}

/** Adds the file's name to what its reader complains about. */
async function inFile<T>(file: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof ModelError) throw new ModelError(error.code, `${file}: ${error.message}`, { cause: error });
    throw error;
  }
}
