// A GGUF file as the folder of a model: config.json and the tokenizer's files are made of its metadata, and the weights are
// read from it one tensor at a time.

import { readConfig, tensorsOf } from '../architectures/registry.ts';
import { inverseFrequencies } from '../architectures/rope.ts';
import type { FoundTensor } from '../checkpoints/found-tensor.ts';
import type { ModelFiles, OpenFile } from '../checkpoints/model-files.ts';
import type { Json, ModelConfig, RotaryConfig } from '../config/model-config.ts';
import { ModelError } from '../errors.ts';
import { readBlocks } from './block-types.ts';
import { ggufConfig } from './config.ts';
import { bad, type GgufTensor, readGgufHeader } from './gguf-header.ts';
import { fromGguf, transposed } from './layout.ts';
import { GgufMetadata } from './metadata.ts';
import { nameFromGguf } from './names.ts';
import { ggufTokenizer, ggufTokenizerConfig } from './tokenizer.ts';
import type { GgufTraits } from './traits.ts';

/** What a GGUF file amounts to. */
interface GgufModel {
  readonly metadata: GgufMetadata;
  readonly traits: GgufTraits;
  readonly config: Json;
}

async function readGguf(file: OpenFile): Promise<GgufModel> {
  const metadata = new GgufMetadata(await readGgufHeader(file));
  const { traits, json } = ggufConfig(metadata);
  const factors = metadata.tensors.get(ROPE_FACTORS);
  if (!factors) return { metadata, traits, config: json };
  const config = readConfig(json);
  const scaling = await stretched(config, factors, file);
  return { metadata, traits, config: { ...json, rope_scaling: scaling } };
}

/**
 * A model of one GGUF file.
 * @param name of the model, for people
 * @param open opens the file; called for each reading
 */
export function ggufModelFiles(name: string, open: () => Promise<OpenFile>): ModelFiles {
  const reading = async <T>(work: (file: OpenFile) => Promise<T>): Promise<T> => {
    const file = await open();
    try {
      return await work(file);
    } finally {
      await file.close();
    }
  };
  let model: Promise<GgufModel> | undefined;
  const read = () => {
    model ??= reading(readGguf).catch((error: unknown) => {
      if (error instanceof ModelError) throw new ModelError(error.code, `${name}: ${error.message}`, { cause: error });
      throw error;
    });
    // What failed may be tried again.
    model.catch(() => {
      model = undefined;
    });
    return model;
  };
  const made: Readonly<Record<string, (model: GgufModel) => Json | undefined>> = {
    'config.json': ({ config }) => config,
    'tokenizer.json': ({ metadata }) => ggufTokenizer(metadata),
    'tokenizer_config.json': ({ metadata }) => ggufTokenizerConfig(metadata),
  };
  return {
    name,
    async read(file) {
      const json = Object.hasOwn(made, file) ? made[file]!(await read()) : undefined;
      return json && new TextEncoder().encode(JSON.stringify(json));
    },
    list: async () => Object.keys(made),
    async tensors(opened) {
      const file = await open();
      opened.push(file);
      return findTensors(await read(), file);
    },
  };
}

/** The tensors of a GGUF file under the names of the family's own files, in the family's own layout. */
function findTensors({ metadata, traits, config: json }: GgufModel, file: OpenFile): ReadonlyMap<string, FoundTensor> {
  const config = readConfig(json);
  const specs = tensorsOf(config);
  const found = new Map<string, FoundTensor>();
  for (const [theirs, tensor] of metadata.tensors) {
    if (theirs === ROPE_FACTORS) continue;
    const name = nameFromGguf(theirs, traits);
    const isTurned = specs.get(name)?.linear === 'in_out' && tensor.shape.length === 2;
    found.set(name, {
      dtype: tensor.type,
      shape: isTurned ? [...tensor.shape].reverse() : tensor.shape,
      async floats() {
        const numbers = await readBlocks(tensor, file.read);
        const layout = traits.layoutOf?.(name);
        if (layout) fromGguf(numbers, tensor.shape, layout, config);
        return isTurned ? transposed(numbers, tensor.shape[0]!, tensor.shape[1]!) : numbers;
      },
    });
  }
  return found;
}

/** By how much each pair of dimensions turns more slowly, where Llama 3.1's stretching is spelt out. */
export const ROPE_FACTORS = 'rope_freqs.weight';
const FACTOR_TOLERANCE = 1e-3;

/** The stretching of positions of which a file says the factors alone. All models that are published use these numbers. */
async function stretched(config: ModelConfig, place: GgufTensor, file: OpenFile): Promise<Json> {
  if (place.shape.join() !== `${config.headDim / 2}`)
    throw bad(`${ROPE_FACTORS} is [${place.shape}] and should be [${config.headDim / 2}]`);
  const factors = await readBlocks(place, file.read);
  const factor = Number(factors.reduce((a, b) => Math.max(a, b), 0).toPrecision(6));
  const scaling = { factor, lowFreqFactor: 1, highFreqFactor: 4, originalMaxPositions: 8192 };
  const rotary: RotaryConfig = { theta: config.rotary!.theta };
  const plain = inverseFrequencies(rotary, config.headDim);
  const slower = inverseFrequencies({ ...rotary, scaling }, config.headDim);
  if (!factors.every((one, i) => Math.abs((one * slower[i]!) / plain[i]! - 1) < FACTOR_TOLERANCE))
    throw bad(`${ROPE_FACTORS} stretches positions in a way that is not known here`);
  return {
    rope_type: 'llama3',
    factor,
    low_freq_factor: scaling.lowFreqFactor,
    high_freq_factor: scaling.highFreqFactor,
    original_max_position_embeddings: scaling.originalMaxPositions,
  };
}
