// Messages to the text that a model was taught to expect, by its chat template or its family's usual one.

import { isObject } from '@ludic/io';
import { familyOf } from '../architectures/registry.ts';
import { readModelConfig } from '../checkpoints/checkpoint.ts';
import { CARRIED_GAME_FILE, type ModelFiles, readJson } from '../checkpoints/model-files.ts';
import { shown } from '../config/known-fields.ts';
import type { Json } from '../config/model-config.ts';
import { ModelError } from '../errors.ts';
import type { DefaultTemplate } from './default-template.ts';
import { tokenText } from './gpt2-tokenizer.ts';
import { compileJinja, RaisedByTemplate } from './jinja.ts';
import { writesMessagesAlone } from './message-loop.ts';
import { readTokenizer } from './tokenizer.ts';

/** One message of a conversation, as chat templates take it. */
export interface ChatMessage {
  readonly role: 'system' | 'user' | 'assistant';
  readonly content: string;
}

/** Writes a conversation as the text that a model was trained to read. */
export interface ChatTemplate {
  /** @param addGenerationPrompt end where the assistant's answer begins */
  render(messages: readonly ChatMessage[], options: { readonly addGenerationPrompt: boolean }): string;
  /** The text of a conversation is that of each message, rendered alone, one after the other, and of no message. */
  readonly writesMessagesAlone?: boolean;
}

/**
 * Variables of a chat template beside those that every one knows, such as `enable_thinking`. transformers takes them as further
 * arguments of `apply_chat_template`.
 */
export type TemplateOptions = Readonly<Record<string, unknown>>;

export interface TemplateSource {
  readonly source: string;
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
  const { source, tokens } = await readTemplateSource(files);
  return makeChatTemplate(source, tokens, { name: files.name, options: options ?? (await readTemplateOptions(files)) });
}

/** What ludic.json says of them. @throws ModelError `bad_template` */
async function readTemplateOptions(files: ModelFiles): Promise<TemplateOptions> {
  const options = ((await readJson(files, CARRIED_GAME_FILE)) as Json | undefined)?.template_options ?? {};
  if (isObject(options)) return options;
  throw new ModelError('bad_template', `The template_options in ${CARRIED_GAME_FILE} of ${files.name} are no object.`);
}

/** Variables of a template that are no options. */
const RESERVED: readonly string[] = ['messages', 'add_generation_prompt', 'tools', 'documents'];

/** The text of that template, and the special tokens that it may write. */
export async function readTemplateSource(files: ModelFiles): Promise<TemplateSource> {
  const config = ((await readJson(files, 'tokenizer_config.json')) ?? {}) as Json;
  const map = ((await readJson(files, 'special_tokens_map.json')) ?? {}) as Json;
  const tokens = { ...tokenTexts(map), ...tokenTexts(config) };
  const file = await files.read('chat_template.jinja');
  const source = file ? new TextDecoder().decode(file) : configured(config.chat_template, files.name);
  if (source !== undefined) return { source, tokens };
  const fallback = await readDefault(files);
  return { source: fallback.source, tokens: { ...fallback.tokens, ...tokens } };
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
  const template = value.find((entry) => entry?.name === 'default')?.template;
  if (typeof template === 'string') return template;
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

/**
 * A chat template from its Jinja source.
 * @param tokens special tokens that it may write, such as `bos_token`
 * @param name of the model, for error messages
 * @throws ModelError `bad_template`, here or when a conversation is rendered
 */
export function makeChatTemplate(
  source: string,
  tokens: Readonly<Record<string, string>> = {},
  { name = 'The model', options = {} }: { readonly name?: string; readonly options?: TemplateOptions } = {},
): ChatTemplate {
  const taken = RESERVED.find((variable) => Object.hasOwn(options, variable));
  if (taken !== undefined)
    throw new ModelError('bad_template', `The template option ${taken} cannot be set: the conversation says it.`);
  const failed = (error: unknown) =>
    new ModelError('bad_template', `The chat template of ${name} cannot be used: ${(error as Error).message}`, {
      cause: error,
    });
  let compiled: ReturnType<typeof compileJinja>;
  try {
    compiled = compileJinja(source);
  } catch (error) {
    throw failed(error);
  }
  return {
    writesMessagesAlone: writesMessagesAlone(source, [...Object.keys(tokens), ...Object.keys(options)]),
    render(messages, { addGenerationPrompt }) {
      // What transformers gives as well: templates ask whether tools are none.
      const others = {
        ...tokens,
        tools: null,
        documents: null,
        ...options,
        add_generation_prompt: addGenerationPrompt,
      };
      try {
        return compiled({ ...others, messages });
      } catch (error) {
        const folded = error instanceof RaisedByTemplate ? foldSystem(messages) : undefined;
        if (!folded) throw failed(error);
        try {
          return compiled({ ...others, messages: folded });
        } catch {
          throw failed(error);
        }
      }
    },
  };
}

/** The conversation for templates that know no system role: its text stands in front of the first user message. */
function foldSystem([first, ...rest]: readonly ChatMessage[]): readonly ChatMessage[] | undefined {
  if (first?.role !== 'system') return undefined;
  const [next, ...others] = rest;
  if (next?.role !== 'user') return [{ role: 'user', content: first.content }, ...rest];
  return [{ role: 'user', content: `${first.content}\n\n${next.content}` }, ...others];
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
