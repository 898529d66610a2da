// Messages to token ids, by the model's chat template and tokenizer, and whether a reply to them fits the model. Equal
// messages are rendered and encoded once.

import type { Message } from '@ludic/history';
import type { ChatTemplate, Tokenizer } from '@ludic/models';

/** Most prompts in the cache, and most characters of their messages; beyond, the cache is emptied. */
const CAPACITY = 50_000;
const CHARACTERS = 2 ** 26;

export class PromptEncoder {
  readonly #tokenizer: Tokenizer;
  readonly #template: ChatTemplate;
  readonly #known = new Map<string, Int32Array>();
  #characters = 0;

  constructor(tokenizer: Tokenizer, template: ChatTemplate) {
    this.#tokenizer = tokenizer;
    this.#template = template;
  }

  /** The whole prompt, up to the assistant's turn. Equal messages give the same array. */
  encode(messages: readonly Message[]): Int32Array {
    let key = '';
    for (const { role, content } of messages) key += `${role}\u0000${content}\u0001`;
    let ids = this.#known.get(key);
    if (!ids) {
      ids = this.#tokenizer.encode(this.#template.render(messages, { addGenerationPrompt: true }));
      if (this.#known.size >= CAPACITY || this.#characters > CHARACTERS) {
        this.#known.clear();
        this.#characters = 0;
      }
      this.#characters += key.length;
      this.#known.set(key, ids);
    }
    return ids;
  }
}

/** The sentence why a prompt and a reply do not fit a context of `positions`; undefined where they do. */
export function contextOverflow(
  promptTokens: number,
  maxCompletionLength: number,
  positions: number,
  model: string,
): string | undefined {
  if (promptTokens + maxCompletionLength <= positions) return undefined;
  return (
    `A prompt of ${promptTokens} tokens and a reply of up to ${maxCompletionLength} do not fit the ${positions} positions ` +
    `of ${model}. Choose a history that shows less, fewer steps, or a shorter reply.`
  );
}
