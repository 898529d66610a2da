// What a family's default chat template is, for models that come without one, and the template that several families
// share. A default is used only where the tokenizer knows the tokens that it writes: to a base model that never saw them
// its turns would be noise.

export interface DefaultTemplate {
  /** Its name in error messages. */
  readonly title: string;
  readonly source: string;
  /** Tokens that the tokenizer must know for the template to fit. */
  readonly needs: readonly string[];
  /** Special tokens where the model's files do not say them. */
  readonly tokens: Readonly<Record<string, string>>;
}

/** ChatML, as Qwen and SmolLM write it, without a system text of its own. */
export const CHATML: DefaultTemplate = {
  title: 'ChatML',
  source:
    "{% for message in messages %}{{ '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' }}" +
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}",
  needs: ['<|im_start|>', '<|im_end|>'],
  tokens: {},
};
