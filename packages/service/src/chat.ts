// A request in the shape of OpenAI's chat completions.

import { z } from 'zod';

const textPart = z.object({ type: z.literal('text'), text: z.string() });
const content = z.union([z.string(), z.array(textPart)], {
  error: 'A text is needed, or a list of parts of type text: the models here read nothing else.',
});
const message = z.discriminatedUnion(
  'role',
  [
    z.object({ role: z.enum(['system', 'developer', 'user']), content }),
    z.object({ role: z.literal('assistant'), content: content.nullish() }),
  ],
  { error: 'A role is needed: system, developer, user or assistant.' },
);

/** Fields of the shape that would change an answer, and that no model here can honour. */
const UNSUPPORTED = [
  'tools',
  'tool_choice',
  'functions',
  'function_call',
  'audio',
  'modalities',
  'response_format',
  'logit_bias',
  'frequency_penalty',
  'presence_penalty',
  'prediction',
  'web_search_options',
] as const;

/** What those fields may say, since it asks for nothing. */
const HARMLESS = new Set(['null', '0', '[]', '{}', '"none"', '"auto"', '["text"]', '{"type":"text"}']);

/** Replies to one request. */
export const MOST_CHOICES = 16;

/** Fields that nobody here knows are let pass, as other servers do. */
export const chatRequest = z
  .looseObject({
    model: z.string().min(1).max(300).describe('as in model_path of POST /evaluate-policy'),
    messages: z.array(message).min(1).max(10_000),
    temperature: z.number().min(0).max(100).nullish().describe('default: 1; 0 takes the most likely token'),
    top_p: z.number().gt(0).max(1).nullish().describe('default: 1'),
    top_k: z.int().min(0).nullish().describe('not of OpenAI; default: 0, which keeps all'),
    max_tokens: z.int().min(1).max(1_000_000).nullish(),
    max_completion_tokens: z.int().min(1).max(1_000_000).nullish().describe('the newer name of max_tokens'),
    stop: z
      .union([z.string().min(1), z.array(z.string().min(1)).max(16)])
      .nullish()
      .describe('texts that end a reply and are no part of it'),
    n: z.int().min(1).max(MOST_CHOICES).nullish().describe('replies; default: 1'),
    seed: z.int().nullish().describe('the same seed gives the same replies'),
    logprobs: z.boolean().nullish().describe('natural log-probabilities of the model itself, at temperature 1'),
    top_logprobs: z.int().min(0).max(20).nullish(),
    stream: z.boolean().nullish(),
    stream_options: z.looseObject({ include_usage: z.boolean().nullish() }).nullish(),
    user: z.string().nullish(),
  })
  .superRefine((request, context) => {
    for (const field of UNSUPPORTED) {
      const value = request[field];
      if (value === undefined || HARMLESS.has(JSON.stringify(value))) continue;
      context.addIssue({ code: 'custom', path: [field], message: 'The models here cannot do that; leave it out.' });
    }
    if (request.top_logprobs != null && !request.logprobs)
      context.addIssue({ code: 'custom', path: ['top_logprobs'], message: 'logprobs: true is needed with it.' });
  })
  .meta({ id: 'ChatRequest' });
export type ChatRequest = z.infer<typeof chatRequest>;
