// A checkpoint in Hugging Face layout: config.json and the weights in one file or several, of safetensors or PyTorch's
// own. Names, shapes and completeness are checked as a whole, so that one error tells everything that is wrong.

import type { ByteStream } from '@ludic/graph';
import { float32, floats, type HostTensor } from '@ludic/runtime';
import { familyOf, readConfig, unheededFields, writeConfig } from '../architectures/registry.ts';
import { readGeneration, withEndTokens } from '../config/generation-config.ts';
import { namesShown } from '../config/known-fields.ts';
import type { Json, ModelConfig } from '../config/model-config.ts';
import { ModelError } from '../errors.ts';
import { isLfsPointer, isQuantizedName, LFS_ADVICE, lacksConfig, lacksWeights } from './refusals.ts';
import {
  isFloating,
  type NamedTensor,
  readFloats,
  readSafetensors,
  readSafetensorsHeader,
  type StoredTensor,
  safetensorsHeaderEnd,
  safetensorsParts,
  type TensorDtype,
  type TensorPlace,
  toFloat32,
} from './safetensors.ts';
import { readTorchFile } from './torch-file.ts';

/** Where the files of a model come from: a folder, a download, a browser's storage. */
export interface ModelFiles {
  /** What people know it by. */
  readonly name: string;
  /** The file's bytes, undefined where there is none. */
  read(file: string): Promise<Uint8Array | undefined>;
  /** The file to be read in parts, where that is possible: then large files need not be in memory as a whole. */
  open?(file: string): Promise<OpenFile | undefined>;
  /** The names of its files, where they can be told. */
  list?(): Promise<readonly string[]>;
}

export interface OpenFile {
  /** In bytes. */
  readonly size: number;
  /** Fills `into` with the bytes from `at`. @throws ModelError where there are not so many */
  read(at: number, into: Uint8Array): Promise<void>;
  close(): Promise<void>;
}

/** What is written to a file: its content, or parts of it in order. A stream is made while it is written. */
export type FileContent = Uint8Array | string | ByteStream;

/** A tensor of a file whose numbers may not have been read yet. */
interface FoundTensor {
  readonly dtype: TensorDtype;
  readonly shape: readonly number[];
  floats(): Promise<Float32Array>;
}

export interface Checkpoint {
  readonly config: ModelConfig;
  /** float32, by name in the checkpoint. */
  readonly parameters: Record<string, HostTensor>;
  /** What the model's files say that is not heeded, as sentences. */
  readonly warnings: readonly string[];
}

/** @throws ModelError that names the file and says what is wrong */
export async function readCheckpoint(files: ModelFiles): Promise<Checkpoint> {
  const { config, warnings } = await readConfigs(files);
  const family = familyOf(config);
  const stored = new Map<string, FoundTensor>();
  let repeatedHead: FoundTensor | undefined;
  const opened: OpenFile[] = [];
  try {
    for (const [name, tensor] of await findWeights(files, opened)) {
      const own = family.nameOf(name, config);
      if (own !== undefined) stored.set(own, tensor);
      else if (name.endsWith('lm_head.weight')) repeatedHead = tensor;
    }
    const expected = family.tensors(config);
    const problems: string[] = [];
    for (const [name, { shape }] of expected) {
      const tensor = stored.get(name);
      if (!tensor) problems.push(`${name} is missing`);
      else if (tensor.shape.join() !== shape.join())
        problems.push(`${name} is [${tensor.shape}] and should be [${shape}]`);
      else if (!isFloating(tensor.dtype)) problems.push(`${name} is ${tensor.dtype}, no floating-point numbers`);
    }
    for (const name of stored.keys()) if (!expected.has(name)) problems.push(`${name} does not belong there`);
    if (problems.length > 0) throw misfit(files.name, problems, [...stored.keys()]);
    // One tensor after the other: beside the parameters no more than one is in memory as it was stored.
    const parameters: Record<string, HostTensor> = {};
    for (const [name, { shape }] of expected) parameters[name] = float32(await stored.get(name)!.floats(), shape);
    if (repeatedHead) await checkTied(files.name, repeatedHead, family.embeddings, parameters[family.embeddings]!);
    return { config, parameters, warnings };
  } finally {
    for (const file of opened) await file.close();
  }
}

/**
 * Many files repeat the table of embeddings as the head that is tied to it. A head of its own is another model for
 * transformers 5, and none for those before.
 */
async function checkTied(model: string, head: FoundTensor, name: string, embeddings: HostTensor): Promise<void> {
  if (isFloating(head.dtype) && head.shape.join() === embeddings.dims.join()) {
    const table = floats(embeddings);
    if ((await head.floats()).every((value, i) => value === table[i])) return;
  }
  throw new ModelError(
    'bad_tensors',
    `The weights of ${model} hold an lm_head.weight that differs from ${name}, and its config.json ties the two. ` +
      'Say "tie_word_embeddings": false in config.json to keep both, or remove lm_head.weight.',
  );
}

function misfit(model: string, problems: readonly string[], stored: readonly string[]): ModelError {
  const quantized = stored.filter(isQuantizedName);
  if (quantized.length > 0)
    return new ModelError(
      'bad_tensors',
      `The weights of ${model} are quantized (${namesShown(quantized)}). Give the model as it was before that.`,
    );
  const first = problems.slice(0, 5).join('; ');
  const more = problems.length > 5 ? `; and ${problems.length - 5} more` : '';
  return new ModelError('bad_tensors', `The weights of ${model} do not fit its config.json: ${first}${more}.`);
}

/** What config.json and generation_config.json say of a model. @throws ModelError */
export const readModelConfig = async (files: ModelFiles): Promise<ModelConfig> => (await readConfigs(files)).config;

/** What a model's files say that is not heeded, as sentences, without its weights. @throws ModelError */
export const readWarnings = async (files: ModelFiles): Promise<readonly string[]> =>
  (await readConfigs(files)).warnings;

async function readConfigs(files: ModelFiles): Promise<Pick<Checkpoint, 'config' | 'warnings'>> {
  const json = await readJson(files, 'config.json');
  if (json === undefined) throw lacksConfig(files.name, (await files.list?.()) ?? []);
  const config = readConfig(json);
  const warnings: string[] = [];
  const warn = (file: string, names: readonly string[]) => {
    if (names.length > 0)
      warnings.push(`${file} of ${files.name} says ${namesShown(names)}, which is not heeded here.`);
  };
  warn('config.json', unheededFields(json as Json, config));
  const generation = await readJson(files, 'generation_config.json');
  if (generation === undefined) return { config, warnings };
  const { eosTokenIds, unheeded } = readGeneration(generation);
  warn('generation_config.json', unheeded);
  return { config: withEndTokens(config, eosTokenIds), warnings };
}

interface WeightsFormat {
  /** Finds the tensors of a file that is in memory. */
  readonly inMemory: (bytes: Uint8Array) => ReadonlyMap<string, StoredTensor>;
  /** Finds those of a file that can be read in parts. */
  readonly inParts?: (file: OpenFile) => Promise<ReadonlyMap<string, FoundTensor>>;
}

/** Files that hold a model's weights, the preferred first. Beside each may lie an index of several such files. */
const WEIGHTS: readonly (readonly [file: string, format: WeightsFormat])[] = [
  ['model.safetensors', { inMemory: (bytes) => readSafetensors(bytes).tensors, inParts: findSafetensors }],
  ['pytorch_model.bin', { inMemory: readTorchFile }],
];
/** Files that may hold all of a model's weights, the preferred first. */
export const WEIGHT_FILES: readonly string[] = WEIGHTS.map(([file]) => file);
export const indexOf = (file: string): string => `${file}.index.json`;

/** @param opened gets the files that the tensors are still to be read from */
async function findWeights(files: ModelFiles, opened: OpenFile[]): Promise<ReadonlyMap<string, FoundTensor>> {
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
  const tensors = await inFile(name, async () => inMemory(bytes));
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

/** Files of a few hundred bytes or some kilobytes. */
const SMALL: ReadonlySet<string> = new Set([
  'config.json',
  'generation_config.json',
  'adapter_config.json',
  'ludic.json',
]);
const MOST_BYTES = 2 ** 20;
const DEEPEST = 100;

function nesting(json: Uint8Array): string | undefined {
  let depth = 0;
  let inText = false;
  for (let at = 0; at < json.length; at++) {
    const byte = json[at];
    if (inText) {
      if (byte === 0x5c) at++;
      else if (byte === 0x22) inText = false;
    } else if (byte === 0x22) inText = true;
    else if (byte === 0x7b || byte === 0x5b) {
      if (++depth > DEEPEST) return `is nested deeper than ${DEEPEST} levels`;
    } else if (byte === 0x7d || byte === 0x5d) depth--;
  }
  return undefined;
}

export async function readJson(files: ModelFiles, name: string): Promise<unknown> {
  const bytes = await files.read(name);
  if (!bytes) return undefined;
  // A hostile file would keep the machine busy, or be more than its stack holds, before anything of it is refused.
  const monster = SMALL.has(name) && bytes.length > MOST_BYTES ? 'is larger than 1 MiB' : nesting(bytes);
  if (monster) throw new ModelError('not_a_model', `${name} of ${files.name} ${monster}, which no model's is.`);
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch (error) {
    const why = isLfsPointer(bytes) ? LFS_ADVICE : 'it is no JSON';
    throw new ModelError('not_a_model', `${name} of ${files.name} is damaged: ${why}.`, { cause: error });
  }
}

/** The game that a model was trained in; other libraries ignore it. */
export const CARRIED_GAME_FILE = 'ludic.json';

/** Files of a model folder that travel with its weights. */
export const TOKENIZER_FILES: readonly string[] = [
  'tokenizer.json',
  'vocab.json',
  'merges.txt',
  'added_tokens.json',
  'tokenizer_config.json',
  'special_tokens_map.json',
  'chat_template.jinja',
  'generation_config.json',
  CARRIED_GAME_FILE,
];

/** The files that travel with a model's weights, as far as it has them. */
export async function readTokenizerFiles(files: ModelFiles): Promise<ReadonlyMap<string, Uint8Array>> {
  const found = new Map<string, Uint8Array>();
  for (const name of TOKENIZER_FILES) {
    const bytes = await files.read(name);
    if (bytes) found.set(name, bytes);
  }
  return found;
}

/** config.json and model.safetensors of a model, whose parameters are not copied. */
export function checkpointFiles(
  config: ModelConfig,
  parameters: Readonly<Record<string, HostTensor>>,
): Map<string, FileContent> {
  const { storedName, tensors: specs } = familyOf(config);
  const tensors = [...specs(config)].map(([name, { shape }]): NamedTensor => {
    const { buffer, byteOffset, byteLength } = floats(parameters[name]!);
    return { name: storedName(name), dtype: 'F32', shape, data: new Uint8Array(buffer, byteOffset, byteLength) };
  });
  return new Map<string, FileContent>([
    ['config.json', new TextEncoder().encode(`${JSON.stringify(writeConfig(config), null, 2)}\n`)],
    ['model.safetensors', safetensorsParts(tensors, { format: 'pt' })],
  ]);
}
