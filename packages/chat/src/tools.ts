// The tools of a request, and how their use may be steered.

import { z } from 'zod';

const MOST_TOOLS = 128;
const TOOL_NAME = z.string().regex(/^[\w.-]{1,64}$/, 'Letters, digits, _, - and . are needed, at most 64.');

const tool = z.strictObject({
  type: z.literal('function'),
  function: z.strictObject({
    name: TOOL_NAME,
    description: z.string().nullish(),
    parameters: z.record(z.string(), z.unknown()).nullish().describe('JSON schema of the arguments'),
    strict: z
      .literal(false, { error: 'Nothing holds the models here to a schema; leave it out, and check the arguments.' })
      .nullish(),
  }),
});

/** Fields of a request. */
export const toolFields = {
  tools: z.array(tool).max(MOST_TOOLS).nullish().describe('Functions that the model may call'),
  tool_choice: z
    .union([z.string(), z.looseObject({ type: z.string() })])
    .nullish()
    .describe(
      'auto (default) lets the model decide; none does not tell it of the tools; nothing makes the models here call one, ' +
        'so required and the name of a function are refused',
    ),
  parallel_tool_calls: z
    .boolean()
    .nullish()
    .describe('Whether a reply may hold several calls; with false the first one is kept; default: true'),
};

/** Why a choice cannot be had; undefined where it can. */
export const choiceRefusal = (choice: unknown): string | undefined =>
  choice == null || choice === 'none' || choice === 'auto'
    ? undefined
    : 'Nothing makes the models here call a tool, or a certain one; ask for auto or none.';
