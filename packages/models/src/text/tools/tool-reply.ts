// A model's reply, taken apart into what it says and the tools that it calls. What is not understood is text: a reply never
// fails, and nothing of it is lost.

import type { ToolCall } from './conversation.ts';
import { type FormatRow, TOOL_FORMATS, type ToolFormat } from './formats.ts';
import { gemmaCalls } from './gemma-calls.ts';
import { type FoundCalls, jsonCalls, mistralCalls, taggedCalls } from './json-calls.ts';

/** The calls of a reply in each form; undefined where there is none, or where one is not understood. */
const READERS: Readonly<Record<ToolFormat, (text: string) => FoundCalls | undefined>> = {
  function_gemma: gemmaCalls({ open: '<start_function_call>', close: '<end_function_call>', quote: '<escape>' }),
  gemma4: gemmaCalls({ open: '<|tool_call>', close: '<tool_call|>', quote: '<|"|>' }),
  mistral: mistralCalls,
  phi: (text) =>
    taggedCalls('<|tool_call|>', '<|/tool_call|>')(text) ?? jsonCalls('functools', { isNeeded: true })(text),
  llama3: jsonCalls('<|python_tag|>'),
  hermes: taggedCalls('<tool_call>', '</tool_call>'),
};

/** A reply in parts. */
export interface ToolReply {
  /** The text around the calls; of a reply without calls, all of it. */
  readonly content: string;
  readonly toolCalls: readonly ToolCall[];
}

/** What ends a model's thoughts. A call in them is none. */
const THOUGHTS_END = '</think>';

function afterThoughts(text: string): number {
  const at = text.indexOf(THOUGHTS_END);
  return at < 0 ? 0 : at + THOUGHTS_END.length;
}

/**
 * Takes a reply apart. Never throws. A reply of which any call is not understood is text as a whole.
 * @param text with the special tokens that belong to calls (`toolMarks`)
 */
export function parseToolReply(format: ToolFormat, text: string): ToolReply {
  const begin = afterThoughts(text);
  const found = READERS[format](text.slice(begin));
  if (!found) return { content: text, toolCalls: [] };
  const before = (text.slice(0, begin) + found.before).trimEnd();
  const after = found.after.trim();
  return { content: [before, after].filter((part) => part !== '').join('\n'), toolCalls: found.calls };
}

/**
 * How many characters of a reply that is being written are certain to begin its content, whatever comes. White space at
 * their end is not: before a call it is dropped.
 */
export function settledContent(format: ToolFormat, text: string): number {
  const { openings, isBare }: FormatRow = TOOL_FORMATS[format];
  const begin = afterThoughts(text);
  if (isBare && /^\s*[{[]/.test(text.slice(begin))) return text.slice(0, begin).trimEnd().length;
  return text.slice(0, Math.min(...openings.map((opening) => openingAt(text, opening)))).trimEnd().length;
}

/** Where an opening stands, or may come to stand at the end of the text. */
function openingAt(text: string, opening: string): number {
  const whole = text.indexOf(opening);
  if (whole >= 0) return whole;
  for (let length = Math.min(opening.length - 1, text.length); length > 0; length--)
    if (text.endsWith(opening.slice(0, length))) return text.length - length;
  return text.length;
}
