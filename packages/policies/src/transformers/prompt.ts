// A conversation as the tokens of a transformers.js model, by its own chat template.

import type { Message } from '@ludic/history';
import { PolicyError } from '../errors.ts';
import type { LoadedModel } from './network.ts';

/** The whole prompt, up to where the assistant speaks. @throws PolicyError `bad_model` */
export function encodePrompt({ tokenizer }: LoadedModel, name: string, messages: readonly Message[]): number[] {
  let text: string;
  try {
    text = tokenizer.apply_chat_template([...messages], { tokenize: false, add_generation_prompt: true }) as string;
  } catch (error) {
    const why = (error as Error).message.split('\n', 1)[0]!;
    throw new PolicyError('bad_model', `${name} cannot write a conversation by its chat template: ${why}`);
  }
  return tokenizer.encode(text, { add_special_tokens: false });
}
