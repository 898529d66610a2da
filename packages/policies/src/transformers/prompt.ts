// A conversation as the tokens of a transformers.js model, by its own chat template, rendered as for our own models.

import type { Message } from '@ludic/history';
import { PolicyError } from '@ludic/inference';
import { type ChatTemplate, makeChatTemplate } from '@ludic/models';
import { tokenTexts } from '@ludic/models/internal';
import { coderOf } from './coder.ts';
import type { LibraryModel } from './network.ts';

type LibraryTokenizer = LibraryModel['tokenizer'];

const templates = new WeakMap<LibraryTokenizer, ChatTemplate>();

/** The whole prompt, up to where the assistant speaks. @throws PolicyError `bad_model` */
export function encodePrompt(loaded: LibraryModel, name: string, messages: readonly Message[]): number[] {
  let text: string;
  try {
    text = templateOf(loaded.tokenizer, name).render(messages, { addGenerationPrompt: true });
  } catch (error) {
    const why = (error as Error).message.split('\n', 1)[0]!;
    throw new PolicyError('bad_model', `${name} cannot write a conversation by its chat template: ${why}`);
  }
  return Array.from(coderOf(loaded).encode(text));
}

function templateOf(tokenizer: LibraryTokenizer, name: string): ChatTemplate {
  const known = templates.get(tokenizer);
  if (known) return known;
  // It names the template that is meant, or says that there is none.
  const source = (tokenizer.get_chat_template as () => string)();
  const template = makeChatTemplate(source, tokenTexts(tokenizer.config), { name });
  templates.set(tokenizer, template);
  return template;
}
