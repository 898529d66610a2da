// What stands beside the weights in a model's folder: tokenizer, chat template, how to generate. Files that the source
// lacks but Ludic knows are written out, so that other libraries read the model as Ludic does.

import { completedGeneration, generationConfig } from '../config/generation-config.ts';
import type { Json } from '../config/model-config.ts';
import { ModelError } from '../errors.ts';
import { readTemplateSource, type TemplateSource } from '../text/chat-template.ts';
import { readTokenizerJson } from '../text/tokenizer.ts';
import { readModelConfig } from './checkpoint.ts';
import { CARRIED_GAME_FILE, type ModelFiles, readJson } from './model-files.ts';

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
async function readTokenizerFiles(files: ModelFiles): Promise<ReadonlyMap<string, Uint8Array>> {
  const found = new Map<string, Uint8Array>();
  for (const name of TOKENIZER_FILES) {
    const bytes = await files.read(name);
    if (bytes) found.set(name, bytes);
  }
  return found;
}

/** The files beside a model's weights by their names: tokenizer, chat template, generation_config.json. */
export type TokenizerFiles = ReadonlyMap<string, Uint8Array | string>;

/**
 * The files that travel with a model's weights, complete: `generation_config.json` always; where there is a tokenizer,
 * `tokenizer.json` and a `tokenizer_config.json` that holds the chat template, if one fits.
 * @throws ModelError where a file of the source is damaged
 */
export async function completeTokenizerFiles(files: ModelFiles): Promise<TokenizerFiles> {
  const found = new Map<string, Uint8Array | string>(await readTokenizerFiles(files));
  const generation = await completeGeneration(files);
  if (generation) found.set('generation_config.json', text(generation));
  if (!found.has('tokenizer.json')) {
    if (!found.has('vocab.json') || !found.has('merges.txt')) return found;
    found.set('tokenizer.json', text(await readTokenizerJson(files)));
  }
  const config = (await readJson(files, 'tokenizer_config.json')) as Json | undefined;
  const template = config?.chat_template === undefined ? await templateOf(files) : undefined;
  // transformers.js looks for the template here alone, and cannot do without the file.
  if (!config || template) {
    const completed = { tokenizer_class: 'PreTrainedTokenizerFast', ...template?.tokens, ...config };
    found.set('tokenizer_config.json', text({ ...completed, ...(template && { chat_template: template.source }) }));
  }
  return found;
}

/** generation_config.json, where the source has none, or one that lacks end tokens which its config.json names. */
async function completeGeneration(files: ModelFiles): Promise<Json | undefined> {
  const config = await readModelConfig(files);
  const json = (await readJson(files, 'generation_config.json')) as Json | undefined;
  return json === undefined ? generationConfig(config) : completedGeneration(json, config);
}

async function templateOf(files: ModelFiles): Promise<TemplateSource | undefined> {
  try {
    return await readTemplateSource(files);
  } catch (error) {
    // A model need not be made for conversations.
    if (error instanceof ModelError && error.code === 'bad_template') return undefined;
    throw error;
  }
}

const text = (json: object) => `${JSON.stringify(json, null, 2)}\n`;
