// A checkpoint in Hugging Face layout: config.json and the weights in one file or several, of safetensors or PyTorch's
// own. Names, shapes and completeness are checked as a whole, so that one error tells everything that is wrong.

import { float32, floats, type HostTensor } from '@ludic/runtime';
import { familyOf, readConfig, unheededFields, writeConfig } from '../architectures/registry.ts';
import { asBlocks, type BaseBits } from '../blocks/base-bits.ts';
import { readGeneration, withEndTokens } from '../config/generation-config.ts';
import { namesShown, problemsShown, unheededWarning } from '../config/known-fields.ts';
import type { Json, ModelConfig } from '../config/model-config.ts';
import { ModelError } from '../errors.ts';
import { exactBytes, smallestDtype } from './exact-dtype.ts';
import { type FoundTensor, isFloating } from './found-tensor.ts';
import { type FileContent, type ModelFiles, type OpenFile, readJson } from './model-files.ts';
import { isQuantizedName, lacksConfig } from './refusals.ts';
import { safetensorsStart } from './safetensors.ts';
import { findWeights } from './weight-files.ts';

/** A model as its files describe it, with all parameters in memory. */
export interface Checkpoint {
  readonly config: ModelConfig;
  /** By name in the checkpoint, float32; those that were read into blocks as `asBlocks` names them. */
  readonly parameters: Readonly<Record<string, HostTensor>>;
  /** What the model's files say that is not heeded, as sentences. */
  readonly warnings: readonly string[];
}

/**
 * @param baseBits of the weights that are kept in blocks; by default none is
 * @throws ModelError that names the file and says what is wrong
 */
export async function readCheckpoint(files: ModelFiles, baseBits?: BaseBits): Promise<Checkpoint> {
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
    for (const [name, { shape }] of expected) {
      const tensor = float32(await stored.get(name)!.floats(), shape);
      if (repeatedHead && name === family.embeddings) await checkTied(files.name, repeatedHead, name, tensor);
      Object.assign(parameters, baseBits ? asBlocks(name, tensor, config, baseBits) : { [name]: tensor });
    }
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
  return new ModelError(
    'bad_tensors',
    `The weights of ${model} do not fit its config.json: ${problemsShown(problems)}.`,
  );
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
  const warnings = unheededWarning('config.json', files.name, unheededFields(json as Json, config));
  const generation = await readJson(files, 'generation_config.json');
  if (generation === undefined) return { config, warnings };
  const { eosTokenIds, unheeded } = readGeneration(generation);
  return {
    config: withEndTokens(config, eosTokenIds),
    warnings: [...warnings, ...unheededWarning('generation_config.json', files.name, unheeded)],
  };
}

/**
 * config.json and model.safetensors of a model, whose parameters are read when they are written. Weights that came from 16
 * bits and have not changed are 16 bits again.
 */
export function checkpointFiles(
  config: ModelConfig,
  parameters: Readonly<Record<string, HostTensor>>,
): Map<string, FileContent> {
  const { storedName, tensors: specs } = familyOf(config);
  const all = [...specs(config)];
  const dtype = smallestDtype(all.map(([name]) => floats(parameters[name]!)));
  const tensors = all.map(([name, { shape }]) => ({ name: storedName(name), dtype, shape }));
  const start = safetensorsStart(tensors, { format: 'pt' });
  return new Map<string, FileContent>([
    ['config.json', new TextEncoder().encode(`${JSON.stringify(writeConfig(config), null, 2)}\n`)],
    [
      'model.safetensors',
      {
        *[Symbol.iterator]() {
          yield start;
          for (const [name] of all) yield exactBytes(floats(parameters[name]!), dtype);
        },
      },
    ],
  ]);
}
