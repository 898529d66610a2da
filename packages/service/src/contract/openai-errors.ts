// Errors as OpenAI's clients read them, for the addresses that speak its language.

import { z } from 'zod';
import { ERROR_STATUS, type ErrorCode, type ErrorDetail } from './errors.ts';

interface OpenAiMeaning {
  readonly type: string;
  readonly code: string;
  /** Where it is not the status of the contract. */
  readonly status?: number;
}

/** Each code of the contract in OpenAI's words. */
const MEANINGS: Readonly<Record<ErrorCode, OpenAiMeaning>> = {
  bad_request: { type: 'invalid_request_error', code: 'invalid_value' },
  https_required: { type: 'invalid_request_error', code: 'https_required' },
  unauthorized: { type: 'authentication_error', code: 'invalid_api_key' },
  forbidden: { type: 'permission_error', code: 'forbidden' },
  not_found: { type: 'not_found_error', code: 'unknown_url' },
  method_not_allowed: { type: 'invalid_request_error', code: 'method_not_allowed' },
  too_slow: { type: 'invalid_request_error', code: 'request_timeout' },
  conflict: { type: 'invalid_request_error', code: 'conflict' },
  too_large: { type: 'invalid_request_error', code: 'request_too_large' },
  unsupported_media_type: { type: 'invalid_request_error', code: 'unsupported_media_type' },
  range_not_satisfiable: { type: 'invalid_request_error', code: 'range_not_satisfiable' },
  unusable: { type: 'invalid_request_error', code: 'model_not_usable', status: 400 },
  too_long: { type: 'invalid_request_error', code: 'took_too_long', status: 400 },
  too_many_requests: { type: 'rate_limit_error', code: 'rate_limit_exceeded' },
  internal: { type: 'server_error', code: 'server_error' },
  unavailable: { type: 'server_error', code: 'service_unavailable' },
};

/** Body of error answers of the endpoints below /v1. */
export const openaiErrorAnswer = z
  .object({
    error: z.object({
      message: z.string().describe('What is wrong and what to do'),
      type: z.enum([...new Set(Object.values(MEANINGS).map(({ type }) => type))]),
      param: z.string().nullable().describe('Field that caused the error'),
      code: z.string().describe('Code for programs'),
    }),
  })
  .meta({ id: 'OpenAiError' });
type OpenAiErrorAnswer = z.infer<typeof openaiErrorAnswer>;

/** The status that carries a code of the contract where OpenAI's language is spoken. */
export const openaiStatus = (code: ErrorCode): number => MEANINGS[code].status ?? ERROR_STATUS[code];

interface ErrorFields {
  readonly code: ErrorCode;
  readonly message: string;
  readonly details: readonly ErrorDetail[];
}

/** @param reason a finer code, where one is known */
export function openaiError({ code, message, details }: ErrorFields, reason?: string): OpenAiErrorAnswer {
  const { type, code: usual } = MEANINGS[code];
  const param = details[0]?.field || (reason === undefined ? undefined : PARAMETERS[reason]);
  return { error: { message, type, param: param ?? null, code: reason ?? usual } };
}

/** The field that is always to blame for a reason. */
const PARAMETERS: Readonly<Record<string, string>> = { model_not_found: 'model', context_length_exceeded: 'messages' };
