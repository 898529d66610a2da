// How tools are told to a model whose chat template knows none: described in the system message, called in tags, answered
// in a user message. The same tags as Hermes and Qwen use, which a model has most likely seen.

import { type ChatMessage, type Tool, type ToolCall, templateTool, usesTools } from './conversation.ts';

const INTRODUCTION = 'You may call tools. Each line between these tags is one tool, described as JSON:';
const HOW_TO_CALL =
  'To call a tool, write its name and its arguments as JSON between these tags, once for each call, and wait for the result:\n' +
  '<tool_call>{"name": "NAME", "arguments": {"ARGUMENT": "VALUE"}}</tool_call>';

/** The conversation in system, user and assistant messages alone. The same object where there is nothing to tell. */
export function withoutTools(messages: readonly ChatMessage[], tools: readonly Tool[] = []): readonly ChatMessage[] {
  if (tools.length === 0 && !usesTools(messages)) return messages;
  const spoken: ChatMessage[] = [];
  let results: string[] = [];
  const tellResults = () => {
    if (results.length > 0) spoken.push({ role: 'user', content: results.join('\n') });
    results = [];
  };
  for (const message of messages) {
    if (message.role === 'tool') {
      results.push(`<tool_response>${message.content}</tool_response>`);
      continue;
    }
    tellResults();
    const { role, content } = message;
    const calls = role === 'assistant' ? (message.toolCalls ?? []) : [];
    spoken.push({ role, content: [content, ...calls.map(callText)].filter((part) => part !== '').join('\n') });
  }
  tellResults();
  return tools.length > 0 ? introduced(spoken, tools) : spoken;
}

function introduced(messages: readonly ChatMessage[], tools: readonly Tool[]): readonly ChatMessage[] {
  const list = tools.map((tool) => JSON.stringify(templateTool(tool))).join('\n');
  const told = `${INTRODUCTION}\n<tools>\n${list}\n</tools>\n${HOW_TO_CALL}`;
  const [first, ...rest] = messages;
  if (first?.role !== 'system') return [{ role: 'system', content: told }, ...messages];
  return [{ role: 'system', content: `${first.content}\n\n${told}` }, ...rest];
}

const callText = ({ name, arguments: text }: ToolCall): string =>
  `<tool_call>{"name": ${JSON.stringify(name)}, "arguments": ${text}}</tool_call>`;
