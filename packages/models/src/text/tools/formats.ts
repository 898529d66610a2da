// How models write calls of tools, one row for each form, and which form a model has learned: its chat template shows it.
// Sources: the published chat templates of the families that each row names.

export interface FormatRow {
  /** Whether a template with this source writes calls so. */
  readonly isOf: (source: string) => boolean;
  /** Texts that belong to calls. Where they are special tokens, they are kept when a reply is decoded. */
  readonly marks: readonly string[];
  /** Texts that a call begins with. */
  readonly openings: readonly string[];
  /** A reply may be a call without one, from its first character on. */
  readonly isBare?: true;
}

/** The first row that fits is taken. */
export const TOOL_FORMATS = {
  /** FunctionGemma. */
  function_gemma: {
    isOf: (source) => source.includes('<start_function_call>'),
    marks: ['<start_function_call>', '<end_function_call>', '<escape>'],
    openings: ['<start_function_call>'],
  },
  gemma4: {
    isOf: (source) => source.includes('<|tool_call>'),
    marks: ['<|tool_call>', '<tool_call|>', '<|"|>'],
    openings: ['<|tool_call>'],
  },
  mistral: {
    isOf: (source) => source.includes('[TOOL_CALLS]'),
    marks: ['[TOOL_CALLS]', '[CALL_ID]', '[ARGS]'],
    openings: ['[TOOL_CALLS]'],
  },
  /** Phi-4-mini. Some of its templates ask for `functools[…]`. */
  phi: {
    isOf: (source) => source.includes('<|tool|>') || source.includes('functools['),
    marks: ['<|tool_call|>', '<|/tool_call|>'],
    openings: ['<|tool_call|>', 'functools['],
  },
  /** Llama 3.1 to 3.3. */
  llama3: {
    isOf: (source) => source.includes('<|start_header_id|>') && source.includes('"parameters": '),
    marks: ['<|python_tag|>'],
    openings: ['<|python_tag|>'],
    isBare: true,
  },
  /** Hermes, Qwen2.5, Qwen3, SmolLM3, and every template that shows none of these forms. */
  hermes: {
    isOf: () => true,
    marks: ['<tool_call>', '</tool_call>'],
    openings: ['<tool_call>'],
  },
} satisfies Readonly<Record<string, FormatRow>>;

/** A form in which models write calls of tools. */
export type ToolFormat = keyof typeof TOOL_FORMATS;

/** @param source of the chat template */
export const toolFormatOf = (source: string): ToolFormat =>
  (Object.keys(TOOL_FORMATS) as ToolFormat[]).find((format) => TOOL_FORMATS[format].isOf(source))!;

/** Special tokens that a reply must keep for its calls to be found. */
export const toolMarks = (format: ToolFormat): readonly string[] => TOOL_FORMATS[format].marks;
