// The messages of a chat, as clients send them and as models take them.

import type { ChatMessage } from '@ludic/models';
import { z } from 'zod';

const textPart = z.object({ type: z.literal('text'), text: z.string() });
const content = z.union([z.string(), z.array(textPart)], {
  error: 'A text is needed, or a list of parts of type text: the models here read nothing else.',
});

export const CHAT_ROLES = ['system', 'developer', 'user', 'assistant', 'tool'] as const;

/** A message that a client sends back has empty fields; a field with content would be lost, so it is refused. */
const nothingBeside =
  (...known: readonly string[]) =>
  (message: Readonly<Record<string, unknown>>, context: z.RefinementCtx) => {
    for (const [field, value] of Object.entries(message)) {
      if (value == null || known.includes(field) || (Array.isArray(value) && value.length === 0)) continue;
      context.addIssue({
        code: 'custom',
        path: [field],
        message: 'The models here read texts and calls of functions alone; leave it out.',
        params: { code: 'unsupported_parameter' },
      });
    }
  };

const name = z.string().nullish().describe('Name of the speaker; ignored');

const toolCall = z.object({
  id: z.string().min(1),
  type: z.literal('function'),
  function: z.object({ name: z.string().min(1), arguments: z.string() }),
});

export const chatMessage = z.discriminatedUnion(
  'role',
  [
    z
      .looseObject({ role: z.enum(['system', 'developer', 'user']), content, name })
      .superRefine(nothingBeside('role', 'content', 'name')),
    z
      .looseObject({
        role: z.literal('assistant'),
        content: content.nullish(),
        name,
        tool_calls: z.array(toolCall).nullish(),
      })
      .superRefine(nothingBeside('role', 'content', 'name', 'tool_calls')),
    z
      .looseObject({
        role: z.literal('tool'),
        content,
        tool_call_id: z.string().min(1).describe('Id of the call that this is the result of'),
        name: z.string().nullish().describe('Name of the tool; default: that of the call'),
      })
      .superRefine(nothingBeside('role', 'content', 'tool_call_id', 'name')),
  ],
  { error: `A role is needed: ${CHAT_ROLES.join(', ')}.` },
);
type GivenMessage = z.infer<typeof chatMessage>;

const textOf = (given: GivenMessage['content']): string =>
  typeof given === 'string' ? given : (given ?? []).map((part) => part.text).join('');

/** Messages as models take them. A result has the name of the tool that was called. */
export function toMessages(given: readonly GivenMessage[]): readonly ChatMessage[] {
  const names = new Map<string, string>();
  return given.map((message): ChatMessage => {
    const text = textOf(message.content);
    switch (message.role) {
      case 'assistant': {
        const calls = message.tool_calls ?? [];
        for (const call of calls) names.set(call.id, call.function.name);
        const toolCalls = calls.map(({ id, function: called }) => ({ id, ...called }));
        return { role: 'assistant', content: text, ...(toolCalls.length > 0 && { toolCalls }) };
      }
      case 'tool': {
        const called = message.name ?? names.get(message.tool_call_id);
        return {
          role: 'tool',
          content: text,
          toolCallId: message.tool_call_id,
          ...(called !== undefined && { name: called }),
        };
      }
      default:
        return { role: message.role === 'developer' ? 'system' : message.role, content: text };
    }
  });
}
