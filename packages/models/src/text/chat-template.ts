// Which chat template a model has: the one in its files, or its family's usual one.

import { isObject } from '@ludic/io';
import { familyOf } from '../architectures/registry.ts';
import { readModelConfig } from '../checkpoints/checkpoint.ts';
import { CARRIED_GAME_FILE, type ModelFiles, readJson } from '../checkpoints/model-files.ts';
import { shown } from '../config/known-fields.ts';
import type { Json } from '../config/model-config.ts';
import { ModelError } from '../errors.ts';
import type { DefaultTemplate } from './default-template.ts';
import { tokenText } from './gpt2-tokenizer.ts';
import type { ChatTemplate, TemplateOptions } from './make-chat-template.ts';
import { readTokenizer } from './tokenizer.ts';

export interface TemplateSource {
  readonly source: string;
  /** The one to take where there are tools, if that is another. */
  readonly toolUse?: string;
  /** `bos_token` and its like. */
  readonly tokens: Readonly<Record<string, string>>;
}

/**
 * The template of chat_template.jinja, or of tokenizer_config.json, or the default of the model's family: DialoGPT's for
 * gpt2; ChatML for llama, qwen2 and qwen3, Gemma's for gemma3_text, both only if the tokenizer knows their tokens.
 * @param options where left out, those that the model was trained with
 * @throws ModelError `bad_template`, or what is wrong with the config.json or tokenizer that a default depends on
 */
export async function readChatTemplate(files: ModelFiles, options?: TemplateOptions): Promise<ChatTemplate> {
  const { source, toolUse, tokens } = await readTemplateSource(files);
  const variables = options ?? (await readTemplateOptions(files));
  // The page has no use for it before a model is opened.
  const { makeChatTemplate } = await import('./make-chat-template.ts');
  return makeChatTemplate(source, tokens, {
    name: files.name,
    options: variables,
    ...(toolUse !== undefined && { toolUse }),
  });
}

/** What ludic.json says of them. @throws ModelError `bad_template` */
async function readTemplateOptions(files: ModelFiles): Promise<TemplateOptions> {
  const options = ((await readJson(files, CARRIED_GAME_FILE)) as Json | undefined)?.template_options ?? {};
  if (isObject(options)) return options;
  throw new ModelError('bad_template', `The template_options in ${CARRIED_GAME_FILE} of ${files.name} are no object.`);
}

/** The text of that template, and the special tokens that it may write. */
export async function readTemplateSource(files: ModelFiles): Promise<TemplateSource> {
  const config = ((await readJson(files, 'tokenizer_config.json')) ?? {}) as Json;
  const map = ((await readJson(files, 'special_tokens_map.json')) ?? {}) as Json;
  const tokens = { ...tokenTexts(map), ...tokenTexts(config) };
  const file = await files.read('chat_template.jinja');
  if (file) return { source: new TextDecoder().decode(file), tokens };
  const source = configured(config.chat_template, files.name);
  const toolUse = named(config.chat_template, 'tool_use');
  if (source !== undefined) return { source, tokens, ...(toolUse !== undefined && { toolUse }) };
  const fallback = await readDefault(files);
  return { source: fallback.source, tokens: { ...fallback.tokens, ...tokens } };
}

/** One of several templates. */
function named(templates: unknown, name: string): string | undefined {
  const template = Array.isArray(templates) ? templates.find((entry) => entry?.name === name)?.template : undefined;
  return typeof template === 'string' ? template : undefined;
}

/** A template, or the one named "default" of several. */
function configured(value: unknown, name: string): string | undefined {
  if (typeof value === 'string') return value;
  if (value == null) return undefined;
  if (!Array.isArray(value))
    throw new ModelError(
      'bad_template',
      `The chat_template in tokenizer_config.json of ${name} is ${shown(value)}; a text is needed.`,
    );
  const template = named(value, 'default');
  if (template !== undefined) return template;
  throw new ModelError(
    'bad_template',
    `${name} has several chat templates in tokenizer_config.json, but none is named "default". ` +
      'Save the one to use as chat_template.jinja in its folder.',
  );
}

async function readDefault(files: ModelFiles): Promise<DefaultTemplate> {
  const template = familyOf(await readModelConfig(files)).defaultTemplate;
  if (template.needs.length === 0) return template;
  const tokenizer = await readTokenizer(files);
  const unknown = template.needs.filter((token) => tokenizer.tokenId(token) === undefined);
  if (unknown.length === 0) return template;
  throw new ModelError(
    'bad_template',
    `${files.name} has no chat template, neither chat_template.jinja nor chat_template in tokenizer_config.json, and ` +
      `the ${template.title} template does not fit, as its tokenizer lacks ${unknown.join(' and ')}. ` +
      'Add a chat_template.jinja to its folder that writes messages as the model was trained to read them.',
  );
}

/** `bos_token` and its like, as a tokenizer_config.json says them. */
export function tokenTexts(config: Json): Record<string, string> {
  const texts: Record<string, string> = {};
  for (const name of ['bos_token', 'eos_token', 'pad_token', 'unk_token', 'sep_token', 'cls_token', 'mask_token']) {
    const text = tokenText(config[name]);
    if (text !== undefined) texts[name] = text;
  }
  return texts;
}
