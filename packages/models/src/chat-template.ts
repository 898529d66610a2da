// Messages to the text that a model was taught to expect, by its chat template.

import { Template } from '@huggingface/jinja';
import { type ModelFiles, readJson } from './checkpoint.ts';
import { ModelError } from './errors.ts';

export interface ChatMessage {
  readonly role: 'system' | 'user' | 'assistant';
  readonly content: string;
}

export interface ChatTemplate {
  /** @param addGenerationPrompt end where the assistant's answer begins */
  render(messages: readonly ChatMessage[], options: { readonly addGenerationPrompt: boolean }): string;
}

/**
 * The template of chat_template.jinja, or of tokenizer_config.json.
 * @throws ModelError `bad_template`
 */
export async function readChatTemplate(files: ModelFiles): Promise<ChatTemplate> {
  const config = ((await readJson(files, 'tokenizer_config.json')) ?? {}) as Record<string, unknown>;
  const file = await files.read('chat_template.jinja');
  const source = file ? new TextDecoder().decode(file) : config.chat_template;
  if (typeof source !== 'string') {
    throw new ModelError(
      'bad_template',
      `${files.name} has no chat template, neither chat_template.jinja nor chat_template in tokenizer_config.json.`,
    );
  }
  return makeChatTemplate(source, tokenTexts(config), files.name);
}

export function makeChatTemplate(
  source: string,
  tokens: Readonly<Record<string, string>> = {},
  name = 'The model',
): ChatTemplate {
  const failed = (error: unknown) =>
    new ModelError('bad_template', `The chat template of ${name} cannot be used: ${(error as Error).message}`, {
      cause: error,
    });
  let template: Template;
  try {
    template = new Template(source);
  } catch (error) {
    throw failed(error);
  }
  return {
    render(messages, { addGenerationPrompt }) {
      try {
        return template.render({ ...tokens, messages, add_generation_prompt: addGenerationPrompt });
      } catch (error) {
        throw failed(error);
      }
    },
  };
}

/** `bos_token` and its like, written as texts or as added-token objects. */
function tokenTexts(config: Readonly<Record<string, unknown>>): Record<string, string> {
  const texts: Record<string, string> = {};
  for (const name of ['bos_token', 'eos_token', 'pad_token', 'unk_token']) {
    const value = config[name];
    const text = typeof value === 'object' && value !== null ? (value as { content?: unknown }).content : value;
    if (typeof text === 'string') texts[name] = text;
  }
  return texts;
}
