// A request in the shape of OpenAI's chat completions. Each field is honoured, harmless, or refused by name: no field that
// would change an answer is ignored.

import { z } from 'zod';
import { CHAT_ROLES, chatMessage } from './messages.ts';
import { choiceRefusal, toolFields } from './tools.ts';

/** Maximum of replies to one request. */
const MOST_CHOICES = 128;

/** Fields that change no answer of the models here, whatever their values. */
const HARMLESS_FIELDS: readonly string[] = [
  'user',
  'metadata',
  'store',
  'service_tier',
  'safety_identifier',
  'prompt_cache_key',
  'prompt_cache_retention',
  // Of vLLM.
  'priority',
  'request_id',
  'cache_salt',
  'include_reasoning',
  'spaces_between_special_tokens',
  // Of this service: the password of a request without an Authorization header.
  'password',
];

/** Fields that no model here can honour, with the values that ask for nothing and are accepted. Null is always accepted. */
const REFUSED_FIELDS: Readonly<Record<string, readonly unknown[]>> = {
  functions: [[]],
  function_call: ['none', 'auto'],
  audio: [],
  modalities: [['text']],
  logit_bias: [{}],
  frequency_penalty: [0],
  presence_penalty: [0],
  prediction: [],
  reasoning_effort: ['none'],
  verbosity: ['medium'],
  web_search_options: [],
  // Of vLLM and of servers like it.
  best_of: [1],
  use_beam_search: [false],
  min_p: [0],
  repetition_penalty: [1],
  length_penalty: [1],
  stop_token_ids: [[]],
  ignore_eos: [false],
  min_tokens: [0],
  skip_special_tokens: [true],
  truncate_prompt_tokens: [],
  prompt_logprobs: [],
  allowed_token_ids: [],
  bad_words: [[]],
  echo: [false],
  add_generation_prompt: [true],
  continue_final_message: [false],
  add_special_tokens: [false],
  documents: [[]],
  chat_template: [],
  chat_template_kwargs: [{}],
  mm_processor_kwargs: [{}],
  media_io_kwargs: [{}],
  structured_outputs: [],
  structural_tag: [],
  guided_json: [],
  guided_regex: [],
  guided_choice: [],
  guided_grammar: [],
  guided_decoding_backend: [],
  guided_whitespace_pattern: [],
  logits_processors: [[]],
  return_tokens_as_token_ids: [false],
  kv_transfer_params: [],
  vllm_xargs: [{}],
  thinking_token_budget: [],
};

const HONOURED = {
  model: z.string().min(1).max(300).describe('Model, named as in model_path of POST /evaluate-policy'),
  messages: z
    .array(chatMessage)
    .min(1)
    .max(10_000)
    .describe(`Messages; roles: ${CHAT_ROLES.join(', ')}`),
  temperature: z
    .number()
    .min(0)
    .max(100)
    .nullish()
    .describe('Sampling temperature, where 0 takes the most likely token; default: 1'),
  top_p: z
    .number()
    .gt(0)
    .max(1)
    .nullish()
    .describe('Sample among the most likely tokens that reach this probability; default: 1'),
  top_k: z
    .int()
    .min(-1)
    .nullish()
    .describe('Sample among the k most likely tokens; 0 and -1 keep all; not part of the OpenAI API; default: 0'),
  max_tokens: z.int().min(1).nullish().describe('Maximum number of tokens of a reply, up to the context of the model'),
  max_completion_tokens: z.int().min(1).nullish().describe('Newer name of max_tokens'),
  stop: z
    .union([z.string().min(1), z.array(z.string().min(1)).max(16)])
    .nullish()
    .describe('Texts that end a reply and are not part of it, in addition to the end tokens of the model'),
  include_stop_str_in_output: z.boolean().nullish().describe('Whether the text of stop stays in the reply; as in vLLM'),
  n: z.int().min(1).max(MOST_CHOICES).nullish().describe('Number of replies; default: 1'),
  seed: z.int().nullish().describe('Seed; the same seed gives the same replies; default: a new one for each request'),
  logprobs: z
    .boolean()
    .nullish()
    .describe('Whether to answer with natural log-probabilities of the model at temperature 1'),
  top_logprobs: z.int().min(0).max(20).nullish(),
  ...toolFields,
  response_format: z
    .looseObject({ type: z.string() })
    .nullish()
    .describe('json_object asks the model for a JSON object, in the system message; nothing holds it to that'),
  return_token_ids: z
    .boolean()
    .nullish()
    .describe('Whether to answer with prompt_token_ids and the token_ids of each choice; as in vLLM'),
  stream: z.boolean().nullish(),
  stream_options: z
    .looseObject({ include_usage: z.boolean().nullish(), include_obfuscation: z.boolean().nullish() })
    .nullish(),
};

const RESPONSE_FORMATS: readonly string[] = ['text', 'json_object'];

const refuse = (context: z.RefinementCtx, field: string, message: string, code = 'unsupported_parameter') =>
  context.addIssue({ code: 'custom', path: [field], message, params: { code } });

/** Body of POST /v1/chat/completions. Unknown fields and fields that cannot be honoured are errors, not ignored. */
export const chatRequest = z
  .looseObject(HONOURED)
  .superRefine((request, context) => {
    for (const [field, value] of Object.entries(request)) {
      if (value == null || Object.hasOwn(HONOURED, field) || HARMLESS_FIELDS.includes(field)) continue;
      const neutral = Object.hasOwn(REFUSED_FIELDS, field) ? REFUSED_FIELDS[field]! : undefined;
      if (!neutral) refuse(context, field, 'There is no such parameter here; leave it out.', 'unknown_parameter');
      else if (!neutral.some((one) => JSON.stringify(one) === JSON.stringify(value)))
        refuse(context, field, 'The models here cannot do that; leave it out.');
    }
    const choice = choiceRefusal(request.tool_choice);
    if (choice !== undefined) refuse(context, 'tool_choice', choice);
    if (request.response_format && !RESPONSE_FORMATS.includes(request.response_format.type))
      refuse(
        context,
        'response_format',
        `Nothing holds the models here to a schema; ask for ${RESPONSE_FORMATS.join(' or ')}.`,
      );
    if (request.top_logprobs && !request.logprobs)
      context.addIssue({ code: 'custom', path: ['top_logprobs'], message: 'logprobs: true is needed with it.' });
  })
  .meta({ id: 'ChatRequest' });
/** Body of POST /v1/chat/completions after its check. Null stands for a field that is left out, as with OpenAI. */
export type ChatCompletionRequest = z.infer<typeof chatRequest>;

/** Maximum of complaints about one request, and of characters of a field's name. */
const MOST_DETAILS = 50;
const LONGEST_NAME = 60;

/** Why a request is refused. */
export interface ChatComplaint {
  /** All that is wrong: clients of OpenAI show nothing else. */
  readonly message: string;
  readonly details: readonly { readonly field: string; readonly message: string }[];
  /** OpenAI's code of the first. */
  readonly reason: string;
}

/** What is wrong with a request. */
export function chatComplaint({ issues }: z.ZodError): ChatComplaint {
  const details = issues.slice(0, MOST_DETAILS).map(({ path, message }) => ({
    field: path.map((part) => String(part).slice(0, LONGEST_NAME)).join('.'),
    message,
  }));
  const message = details.map((detail) => `${detail.field || 'The request'}: ${detail.message}`).join(' ');
  return { message, details, reason: reasonOf(issues[0]!) };
}

/** OpenAI's code of a complaint. */
function reasonOf(issue: z.core.$ZodIssue): string {
  if (issue.code === 'custom' && typeof issue.params?.code === 'string') return issue.params.code;
  if (issue.code !== 'invalid_type') return 'invalid_value';
  return issue.message.endsWith('received undefined') ? 'missing_required_parameter' : 'invalid_type';
}
