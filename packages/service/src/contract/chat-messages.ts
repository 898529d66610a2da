// The messages of a chat, as clients send them.

import { z } from 'zod';

const textPart = z.object({ type: z.literal('text'), text: z.string() });
const content = z.union([z.string(), z.array(textPart)], {
  error: 'A text is needed, or a list of parts of type text: the models here read nothing else.',
});

export const CHAT_ROLES = ['system', 'developer', 'user', 'assistant'] as const;

/** Fields beside the text that change nothing here. */
const IGNORED: ReadonlySet<string> = new Set(['role', 'content', 'name']);

/** A message that a client sends back has empty fields; a field with content would be lost, so it is refused. */
const nothingElse = (message: Readonly<Record<string, unknown>>, context: z.RefinementCtx) => {
  for (const [field, value] of Object.entries(message)) {
    if (value == null || IGNORED.has(field) || (Array.isArray(value) && value.length === 0)) continue;
    context.addIssue({
      code: 'custom',
      path: [field],
      message: 'The models here read texts alone; leave it out.',
      params: { code: 'unsupported_parameter' },
    });
  }
};

const name = z.string().nullish().describe('Name of the speaker; ignored');

export const chatMessage = z.discriminatedUnion(
  'role',
  [
    z.looseObject({ role: z.enum(['system', 'developer', 'user']), content, name }).superRefine(nothingElse),
    z.looseObject({ role: z.literal('assistant'), content: content.nullish(), name }).superRefine(nothingElse),
  ],
  { error: `A role is needed: ${CHAT_ROLES.join(', ')}.` },
);
