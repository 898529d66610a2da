// The messages of a chat, as clients send them.

import { z } from 'zod';

const textPart = z.object({ type: z.literal('text'), text: z.string() });
const content = z.union([z.string(), z.array(textPart)], {
  error: 'A text is needed, or a list of parts of type text: the models here read nothing else.',
});

export const CHAT_ROLES = ['system', 'developer', 'user', 'assistant'] as const;

/** What clients say beside the text and no model here reads. */
const IGNORED: ReadonlySet<string> = new Set(['role', 'content', 'name']);

/** An answer that is sent back has fields that hold nothing; those that hold something would be lost. */
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

const name = z.string().nullish().describe('of who speaks; the models here are not told');

export const chatMessage = z.discriminatedUnion(
  'role',
  [
    z.looseObject({ role: z.enum(['system', 'developer', 'user']), content, name }).superRefine(nothingElse),
    z.looseObject({ role: z.literal('assistant'), content: content.nullish(), name }).superRefine(nothingElse),
  ],
  { error: `A role is needed: ${CHAT_ROLES.join(', ')}.` },
);
