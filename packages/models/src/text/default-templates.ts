// Chat templates for models that come without one, by family. A default is used only where the tokenizer knows the
// tokens that it writes: a base model that never saw them would read its turns as noise.

import type { FamilyName } from '../config/model-config.ts';
import { END_OF_TEXT } from './gpt2-tokenizer.ts';

export interface DefaultTemplate {
  /** What people call it. */
  readonly title: string;
  readonly source: string;
  /** Tokens that the tokenizer must know. */
  readonly needs: readonly string[];
  /** Special tokens where the model's files do not say them. */
  readonly tokens: Readonly<Record<string, string>>;
}

/** DialoGPT: every turn ends with the end-of-text token, whoever speaks; the next turn simply begins. */
const DIALOGPT: DefaultTemplate = {
  title: 'DialoGPT',
  source: '{% for message in messages %}{{ message.content }}{{ eos_token }}{% endfor %}',
  needs: [],
  tokens: { eos_token: END_OF_TEXT },
};

/** ChatML, as Qwen and SmolLM write it, without a system text of its own. */
const CHATML: DefaultTemplate = {
  title: 'ChatML',
  source:
    "{% for message in messages %}{{ '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' }}" +
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}",
  needs: ['<|im_start|>', '<|im_end|>'],
  tokens: {},
};

/** Gemma knows no system role: the text waits for the next user message, or becomes one where none follows. */
const GEMMA: DefaultTemplate = {
  title: 'Gemma',
  source: [
    "{{ bos_token }}{% set ns = namespace(system='') %}",
    '{% for message in messages %}',
    "{% if message.role == 'system' %}{% set ns.system = ns.system + message.content + '\\n\\n' %}",
    "{% elif message.role == 'user' %}",
    "{{ '<start_of_turn>user\\n' + ns.system + message.content | trim + '<end_of_turn>\\n' }}{% set ns.system = '' %}",
    "{% else %}{{ '<start_of_turn>model\\n' + message.content | trim + '<end_of_turn>\\n' }}{% endif %}",
    '{% endfor %}',
    "{% if ns.system %}{{ '<start_of_turn>user\\n' + ns.system | trim + '<end_of_turn>\\n' }}{% endif %}",
    "{% if add_generation_prompt %}{{ '<start_of_turn>model\\n' }}{% endif %}",
  ].join(''),
  needs: ['<start_of_turn>', '<end_of_turn>'],
  tokens: { bos_token: '<bos>' },
};

export function defaultTemplate(family: FamilyName): DefaultTemplate {
  switch (family) {
    case 'gpt2':
      return DIALOGPT;
    case 'llama':
    case 'qwen2':
    case 'qwen3':
      return CHATML;
    case 'gemma3_text':
      return GEMMA;
    default:
      return family satisfies never;
  }
}
