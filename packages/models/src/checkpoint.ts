// A checkpoint in Hugging Face layout: config.json and the weights in one file or several, of safetensors or PyTorch's
// own. Names, shapes and completeness are checked as a whole, so that one error tells everything that is wrong.

import { float32, floats, type HostTensor } from '@ludic/runtime';
import type { ModelConfig } from './config.ts';
import { ModelError } from './errors.ts';
import { familyOf, readConfig, writeConfig } from './families/registry.ts';
import { type NamedTensor, readSafetensors, type StoredTensor, toFloat32, writeSafetensors } from './safetensors.ts';
import { readTorchFile } from './torch-file.ts';

/** Where the files of a model come from: a folder, a download, a browser's storage. */
export interface ModelFiles {
  /** What people know it by. */
  readonly name: string;
  /** The file's bytes, undefined where there is none. */
  read(file: string): Promise<Uint8Array | undefined>;
}

export interface Checkpoint {
  readonly config: ModelConfig;
  /** float32, by name in the checkpoint. */
  readonly parameters: Record<string, HostTensor>;
}

/** @throws ModelError that names the file and says what is wrong */
export async function readCheckpoint(files: ModelFiles): Promise<Checkpoint> {
  const config = await readModelConfig(files);
  const family = familyOf(config);
  const stored = new Map<string, StoredTensor>();
  for (const [name, tensor] of await readWeights(files)) {
    const own = family.nameOf(name, config);
    if (own !== undefined) stored.set(own, tensor);
  }
  const problems: string[] = [];
  const parameters: Record<string, HostTensor> = {};
  const expected = family.tensors(config);
  for (const [name, { shape }] of expected) {
    const tensor = stored.get(name);
    if (!tensor) problems.push(`${name} is missing`);
    else if (tensor.shape.join() !== shape.join())
      problems.push(`${name} is [${tensor.shape}] and should be [${shape}]`);
    else parameters[name] = float32(toFloat32(tensor), shape);
  }
  for (const name of stored.keys()) if (!expected.has(name)) problems.push(`${name} does not belong there`);
  if (problems.length > 0) {
    throw new ModelError(
      'bad_tensors',
      `The weights of ${files.name} do not fit its config.json: ${problems.join('; ')}.`,
    );
  }
  return { config, parameters };
}

export async function readModelConfig(files: ModelFiles): Promise<ModelConfig> {
  const json = await readJson(files, 'config.json');
  if (json === undefined) throw new ModelError('not_a_model', `${files.name} is no model: it has no config.json.`);
  return readConfig(json);
}

type WeightsReader = (bytes: Uint8Array) => ReadonlyMap<string, StoredTensor>;

/** Files that hold a model's weights, the preferred first. Beside each may lie an index of several such files. */
const WEIGHTS: readonly (readonly [file: string, read: WeightsReader])[] = [
  ['model.safetensors', (bytes) => readSafetensors(bytes).tensors],
  ['pytorch_model.bin', readTorchFile],
];
/** Files that may hold all of a model's weights, the preferred first. */
export const WEIGHT_FILES: readonly string[] = WEIGHTS.map(([file]) => file);
export const indexOf = (file: string): string => `${file}.index.json`;

async function readWeights(files: ModelFiles): Promise<ReadonlyMap<string, StoredTensor>> {
  for (const [file, read] of WEIGHTS) {
    const whole = await files.read(file);
    if (whole) return inFile(file, () => read(whole));
    const index = await readJson(files, indexOf(file));
    if (index !== undefined) return readShards(files, indexOf(file), index, read);
  }
  const names = WEIGHTS.flatMap(([file]) => [file, indexOf(file)]).join(', ');
  throw new ModelError(
    'not_a_model',
    `${files.name} is no model: it has no weights, which would be in one of ${names}.`,
  );
}

async function readShards(
  files: ModelFiles,
  name: string,
  index: unknown,
  read: WeightsReader,
): Promise<ReadonlyMap<string, StoredTensor>> {
  const tensors = new Map<string, StoredTensor>();
  for (const shard of new Set(shardsOf(files.name, name, index).values())) {
    const bytes = await files.read(shard);
    if (!bytes) throw new ModelError('bad_tensors', `${files.name} lacks the file ${shard} that its index names.`);
    for (const [tensorName, tensor] of inFile(shard, () => read(bytes))) tensors.set(tensorName, tensor);
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
function inFile<T>(file: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof ModelError) throw new ModelError(error.code, `${file}: ${error.message}`, { cause: error });
    throw error;
  }
}

/** A parsed JSON file, undefined where there is none. */
export async function readJson(files: ModelFiles, name: string): Promise<unknown> {
  const bytes = await files.read(name);
  if (!bytes) return undefined;
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch (error) {
    throw new ModelError('not_a_model', `${name} of ${files.name} is damaged: it is no JSON.`, { cause: error });
  }
}

/** Files of a model folder that travel with its weights. */
export const COMPANIONS: readonly string[] = [
  'tokenizer.json',
  'vocab.json',
  'merges.txt',
  'added_tokens.json',
  'tokenizer_config.json',
  'special_tokens_map.json',
  'chat_template.jinja',
  'generation_config.json',
];

/** The files that travel with a model's weights, as far as it has them. */
export async function readCompanions(files: ModelFiles): Promise<ReadonlyMap<string, Uint8Array>> {
  const found = new Map<string, Uint8Array>();
  for (const name of COMPANIONS) {
    const bytes = await files.read(name);
    if (bytes) found.set(name, bytes);
  }
  return found;
}

/** config.json and model.safetensors of a model. */
export function checkpointFiles(
  config: ModelConfig,
  parameters: Readonly<Record<string, HostTensor>>,
): Map<string, Uint8Array> {
  const { storedName, tensors: specs } = familyOf(config);
  const tensors = [...specs(config)].map(([name, { shape }]): NamedTensor => {
    const { buffer, byteOffset, byteLength } = floats(parameters[name]!);
    return { name: storedName(name), dtype: 'F32', shape, data: new Uint8Array(buffer, byteOffset, byteLength) };
  });
  return new Map([
    ['config.json', new TextEncoder().encode(`${JSON.stringify(writeConfig(config), null, 2)}\n`)],
    ['model.safetensors', writeSafetensors(tensors, { format: 'pt' })],
  ]);
}
