// A conversation in which a model may call tools, as data, and the shape in which chat templates take it.

import { spelledObject } from './spelled-json.ts';

/** A function that a model may call. */
export interface Tool {
  readonly name: string;
  readonly description?: string;
  /** JSON schema of its arguments, an object. */
  readonly parameters?: Readonly<Record<string, unknown>>;
}

/** A call of a tool, as an assistant has written it. */
export interface ToolCall {
  /** Names the call for the result that answers it. */
  readonly id?: string;
  readonly name: string;
  /** A JSON object as text, spelled as the model spelled it. */
  readonly arguments: string;
}

/** One message of a conversation, as chat templates take it. */
export type ChatMessage =
  | { readonly role: 'system' | 'user'; readonly content: string }
  | { readonly role: 'assistant'; readonly content: string; readonly toolCalls?: readonly ToolCall[] }
  /** The result of a call, which `toolCallId` names. */
  | { readonly role: 'tool'; readonly content: string; readonly toolCallId?: string; readonly name?: string };

/** Whether a conversation has calls or results of tools. */
export const usesTools = (messages: readonly ChatMessage[]): boolean =>
  messages.some((message) => message.role === 'tool' || (message.role === 'assistant' && hasCalls(message)));

const hasCalls = ({ toolCalls }: { readonly toolCalls?: readonly ToolCall[] }): boolean => (toolCalls?.length ?? 0) > 0;

/** A message as transformers' `apply_chat_template` takes it: arguments are an object there, which is a Map here. */
export function templateMessage(message: ChatMessage): object {
  const { role, content } = message;
  if (role === 'tool') {
    const { toolCallId, name } = message;
    return {
      role,
      ...(name !== undefined && { name }),
      ...(toolCallId !== undefined && { tool_call_id: toolCallId }),
      content,
    };
  }
  if (role !== 'assistant' || !hasCalls(message)) return { role, content };
  return { role, content, tool_calls: message.toolCalls!.map(templateCall) };
}

const templateCall = ({ id, name, arguments: text }: ToolCall) => ({
  ...(id !== undefined && { id }),
  type: 'function',
  // What is no object stays the text that it is: nothing that was said is lost.
  function: { name, arguments: spelledObject(text) ?? text },
});

/** A tool as templates take it. */
export const templateTool = ({ name, description, parameters }: Tool): object => ({
  type: 'function',
  function: { name, ...(description !== undefined && { description }), ...(parameters && { parameters }) },
});

/** What Mistral's templates insist on. */
export const SHORT_ID = /^[A-Za-z0-9]{9}$/;

/** The same conversation with ids of nine letters and digits, where its ids are no such. */
export function withShortIds(messages: readonly ChatMessage[]): readonly ChatMessage[] {
  const known = new Map<string, string>();
  let calls = 0;
  /** Calls without an id that no result has answered, oldest first. */
  let open: string[] = [];
  const shortId = (id: string | undefined): string => {
    if (id !== undefined && SHORT_ID.test(id)) return id;
    const short = (id !== undefined && known.get(id)) || `call${String(++calls).padStart(5, '0')}`;
    if (id !== undefined) known.set(id, short);
    return short;
  };
  return messages.map((message) => {
    if (message.role === 'tool') {
      const next = message.toolCallId === undefined ? open.shift() : undefined;
      return { ...message, toolCallId: next ?? shortId(message.toolCallId) };
    }
    if (message.role !== 'assistant' || !hasCalls(message)) return message;
    const toolCalls = message.toolCalls!.map((call) => ({ ...call, id: shortId(call.id) }));
    open = toolCalls.filter((_, i) => message.toolCalls![i]!.id === undefined).map(({ id }) => id);
    return { ...message, toolCalls };
  });
}
