// A language model from its files.

import {
  type BaseBits,
  type ModelFiles,
  mergeAdapter,
  readAdapter,
  readChatTemplate,
  readCheckpoint,
  readTokenizer,
  type TemplateOptions,
} from '@ludic/models';
import { tokenizerWithin } from '@ludic/models/internal';
import { type Device, ResidentTensors, type Runtime, RuntimeError } from '@ludic/runtime';
import type { LanguageModel } from './language-model.ts';

/** How a model is opened. */
export interface OpenOptions {
  /** Files of a LoRA adapter in PEFT layout that is worked into the model. */
  readonly adapter?: ModelFiles | undefined;
  /** Variables of the chat template; where left out, those that the model was trained with. */
  readonly templateOptions?: TemplateOptions | undefined;
  /** Keeps the model's weights in blocks of so many bits a number, an adapter beside them; by default they are float32. */
  readonly baseBits?: BaseBits | undefined;
}

/** @throws ModelError; RuntimeError `bad_graph` for weights in blocks on a device that has memory of its own */
export async function openLanguageModel(
  files: ModelFiles,
  runtime: Runtime,
  { adapter, templateOptions, baseBits }: OpenOptions = {},
): Promise<LanguageModel> {
  if (baseBits && runtime.device !== 'cpu') throw noBlocksOn(runtime.device);
  const { config, parameters: plain, warnings } = await readCheckpoint(files, baseBits);
  const added = adapter && (await readAdapter(adapter, config));
  const merged = added && !baseBits ? mergeAdapter(config, plain, added) : plain;
  const tokenizer = tokenizerWithin(await readTokenizer(files), config.vocabSize, files.name);
  const template = await readChatTemplate(files, templateOptions);
  const parameters = await ResidentTensors.of(runtime, merged);
  return {
    name: files.name,
    runtime,
    config,
    parameters,
    ...(baseBits && { baseBits }),
    ...(added &&
      baseBits && {
        adapter: { config: added.config, parameters: await ResidentTensors.of(runtime, added.parameters) },
      }),
    tokenizer,
    template,
    warnings: [...warnings, ...(tokenizer.warnings ?? [])],
  };
}

const noBlocksOn = (device: Device): RuntimeError =>
  new RuntimeError(
    'bad_graph',
    `Weights of 8 or 4 bits are computed with on the CPU, not on ${device}: leave --base-bits out.`,
  );
