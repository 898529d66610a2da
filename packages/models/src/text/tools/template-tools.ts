// What a chat template knows of tools, and a conversation with tools as that template takes it.

import { parse, tokenize } from '@huggingface/jinja';
import {
  type ChatMessage,
  type Tool,
  type ToolCall,
  templateMessage,
  templateTool,
  withShortIds,
} from './conversation.ts';
import type { ToolFormat } from './formats.ts';

export interface TemplateKnowledge {
  /** Where it reads tools: from its variable, or as Phi's from the system message. */
  readonly tools: 'variable' | 'system message' | 'nowhere';
  /** It writes the calls of earlier messages. */
  readonly calls: boolean;
}

/** By the names in its source. */
export function knowledgeOf(source: string): TemplateKnowledge {
  const variables = new Set<unknown>();
  const fields = new Set<unknown>();
  const visit = (node: unknown): void => {
    if (typeof node !== 'object' || node === null) return;
    const { type, value, property, computed, ...parts } = node as ParsedNode;
    if (type === 'Identifier') variables.add(value);
    else if (type === 'StringLiteral') fields.add(value);
    else visit(value);
    if (property?.type === 'Identifier' && !computed) fields.add(property.value);
    else visit(property);
    Object.values(parts).forEach(visit);
  };
  visit(parse(tokenize(source, { lstrip_blocks: true, trim_blocks: true })));
  const tools = variables.has('tools') ? 'variable' : fields.has('tools') ? 'system message' : 'nowhere';
  return { tools, calls: fields.has('tool_calls') };
}

type ParsedNode = Readonly<Record<string, unknown>> & {
  readonly type?: unknown;
  readonly value?: unknown;
  readonly computed?: unknown;
  readonly property?: { readonly type?: unknown; readonly value?: unknown };
};

/** Messages and tools as variables of a template that knows tools, in the shape that transformers gives them. */
export function templateVariables(
  messages: readonly ChatMessage[],
  tools: readonly Tool[],
  format: ToolFormat,
  knowledge: TemplateKnowledge,
): { readonly messages: readonly object[]; readonly tools: readonly object[] | null } {
  let told = knowledge.calls ? messages : messages.map((message) => spelled(message, format));
  if (format === 'mistral') told = withShortIds(told);
  const list = tools.length > 0 ? tools.map(templateTool) : null;
  if (knowledge.tools === 'variable' || !list) return { messages: told.map(templateMessage), tools: list };
  const functions = JSON.stringify(
    tools.map(({ name, description, parameters }) => ({ name, description, parameters })),
  );
  const [first, ...rest] = told;
  const [system, others] = first?.role === 'system' ? [first.content, rest] : ['', told];
  return {
    messages: [{ role: 'system', content: system, tools: functions }, ...others.map(templateMessage)],
    tools: null,
  };
}

/** A message whose calls are part of its text, for a template that would leave them out. */
function spelled(message: ChatMessage, format: ToolFormat): ChatMessage {
  if (message.role !== 'assistant' || !message.toolCalls?.length) return message;
  const { role, content, toolCalls } = message;
  const calls = format === 'phi' ? phiCalls(toolCalls) : toolCalls.map(hermesCall).join('\n');
  return { role, content: content === '' ? calls : `${content}\n${calls}` };
}

const callJson = ({ name, arguments: text }: ToolCall) => `{"name": ${JSON.stringify(name)}, "arguments": ${text}}`;
const hermesCall = (call: ToolCall) => `<tool_call>\n${callJson(call)}\n</tool_call>`;
const phiCalls = (calls: readonly ToolCall[]) => `<|tool_call|>[${calls.map(callJson).join(', ')}]<|/tool_call|>`;
