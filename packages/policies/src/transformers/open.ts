// A policy from a model's name or folder: loads transformers.js, then the model with its tokenizer.

import type { SamplingParams } from '@ludic/inference';
import { PolicyError } from '@ludic/inference';
import { checkSampling } from '@ludic/inference/internal';
import type { ModelFiles } from '@ludic/models';
import { RuntimeError } from '@ludic/runtime';
import type { SharedBuild } from '@ludic/runtime/internal';
import { withFiles } from './files.ts';
import { type LibraryModel, networkOf } from './network.ts';
import { TransformersPolicy } from './policy.ts';
import { withSharedBuild } from './shared-sessions.ts';

/** How the numbers of a model are stored; each is a file of its own beside the others. */
export const TRANSFORMERS_DTYPES = ['fp32', 'fp16', 'q8', 'int8', 'uint8', 'q4', 'q4f16', 'bnb4'] as const;
/** The `dtype` of transformers.js, which selects the ONNX file: fp32 is model.onnx, q4 is model_q4.onnx. */
export type TransformersDtype = (typeof TRANSFORMERS_DTYPES)[number];

/** Where a model for transformers.js comes from, and what it runs on. */
export interface TransformersSource {
  /** A name on the Hub, or the absolute path of a folder. */
  readonly model: string;
  /** Take the model from its folder and ask no server; false by default. */
  readonly local?: boolean;
  /** In a browser, the model's files: then no server is asked for others, and `model` is but a name for people. */
  readonly files?: ModelFiles;
  /** `cpu` in Node, `wasm` in a browser, `webgpu` in both. Default: the CPU. */
  readonly device?: 'cpu' | 'wasm' | 'webgpu';
  /** In a browser, ONNX Runtime as the page has it, on the same device. */
  readonly build?: SharedBuild;
  /** fp32 by default. */
  readonly dtype?: TransformersDtype;
}

/** @throws PolicyError `missing_library`, `bad_model` or `bad_setting` */
export async function transformersPolicy(
  source: TransformersSource,
  settings: SamplingParams,
): Promise<TransformersPolicy> {
  checkSampling(settings);
  return new TransformersPolicy(source.model, await loadTransformers(source), settings);
}

/**
 * A model for several policies, one after the other: each that is disposed of disposes of the model.
 * @throws PolicyError `missing_library` or `bad_model`, RuntimeError `device_lost`
 */
export async function loadTransformers(source: TransformersSource): Promise<LibraryModel> {
  const { model: name, local = false, dtype = 'fp32', files, device, build } = source;
  const library = await loadLibrary();
  // Errors alone; and no threads that spin while others work.
  const sessionOptions = {
    logSeverityLevel: 3 as const,
    extra: { session: { force_spinning_stop: '1' } },
    ...(build && { executionProviders: build.executionProviders }),
  };
  const load = async (id: string) => {
    const options = { local_files_only: local };
    const tokenizer = await library.AutoTokenizer.from_pretrained(id, options);
    const model = await library.AutoModelForCausalLM.from_pretrained(id, {
      ...options,
      dtype,
      ...(device && { device }),
      session_options: sessionOptions,
    });
    const loaded = { model, tokenizer, Tensor: library.Tensor };
    if (networkOf(loaded).sessions.model?.inputNames.some((input) => input.startsWith('past'))) return loaded;
    await model.dispose();
    throw new PolicyError(
      'bad_model',
      `${name} cannot be played: its graph takes no past_key_values, so nothing of a prompt could be kept. Choose a ` +
        'variant that was exported with past, as those of onnx-community are.',
    );
  };
  const loadHere = (id: string) => (build ? withSharedBuild(build, sessionOptions, () => load(id)) : load(id));
  try {
    return await (files ? withFiles(library.env, files, loadHere) : loadHere(name));
  } catch (error) {
    if (error instanceof PolicyError || (error instanceof RuntimeError && error.code === 'device_lost')) throw error;
    throw new PolicyError('bad_model', notLoaded(source, dtype, error as Error));
  }
}

async function loadLibrary() {
  try {
    return await import('@huggingface/transformers');
  } catch (error) {
    const message = `transformers.js cannot be loaded (${firstLine(error as Error)}). Install @huggingface/transformers.`;
    throw new PolicyError('missing_library', message);
  }
}

function notLoaded({ model, local }: TransformersSource, dtype: TransformersDtype, error: Error): string {
  const code = (error.cause as { code?: unknown } | undefined)?.code;
  if (!local && typeof code === 'string')
    return `${model} cannot be loaded: the Hub cannot be reached (${code}). Connect to it, or give a folder that holds the model.`;
  const needs = `A model for transformers.js has config.json, tokenizer.json, tokenizer_config.json and an ONNX file of dtype ${dtype} in onnx/.`;
  return `transformers.js cannot load ${model} as a causal language model (${firstLine(error)}). ${needs}`;
}

const firstLine = ({ message }: Error) => message.split('\n', 1)[0]!.replace(/\.$/, '');
