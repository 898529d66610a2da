// Answers to a request that fails: a code for programs, a sentence for people, details per field.

import { chatComplaint } from '@ludic/chat';
import { LudicError } from '@ludic/io';
import { z } from 'zod';

/** Each code and the HTTP status that carries it: the only place that knows both. */
export const ERROR_STATUS = {
  bad_request: 400,
  https_required: 400,
  unauthorized: 401,
  forbidden: 403,
  not_found: 404,
  method_not_allowed: 405,
  too_slow: 408,
  conflict: 409,
  too_large: 413,
  unsupported_media_type: 415,
  range_not_satisfiable: 416,
  unusable: 422,
  // No status that clients and proxies retry by themselves: the request would take as long again.
  too_long: 422,
  too_many_requests: 429,
  internal: 500,
  unavailable: 503,
} as const;

/** What went wrong, for programs. */
export type ErrorCode = keyof typeof ERROR_STATUS;
type ErrorStatus = (typeof ERROR_STATUS)[ErrorCode];

export const ERROR_CODES = Object.keys(ERROR_STATUS) as [ErrorCode, ...ErrorCode[]];

/** One thing that is wrong, and where. */
export const errorDetail = z.object({
  field: z.string().describe('Path of the field, separated by dots'),
  message: z.string(),
});
/** What is wrong with one field of a request; `field` is its path, such as `sampling_params.top_p`. */
export type ErrorDetail = z.infer<typeof errorDetail>;

/** Body of every error answer but those of /v1, which have OpenAI's format. */
export const errorAnswer = z
  .object({
    error: z.object({
      code: z.enum(ERROR_CODES).describe('Code for programs'),
      message: z.string().describe('What is wrong and what to do'),
      details: z.array(errorDetail).describe('Fields with errors; empty if no field is the cause'),
    }),
  })
  .meta({ id: 'Error' });
/** JSON body of an error. The HTTP status is that of `code` in `ERROR_STATUS`; `details` has a line per field. */
export type ErrorAnswer = z.infer<typeof errorAnswer>;

/** A request that was refused or failed. Its code decides the HTTP status; its message tells the client what to do. */
export class ServiceError extends LudicError<ErrorCode> {
  override readonly name = 'ServiceError';
  readonly details: readonly ErrorDetail[];
  /** Seconds after which it may be tried again. */
  readonly retryAfter: number | undefined;
  /** A finer code, in OpenAI's words, where one is known. */
  readonly reason: string | undefined;

  constructor(
    code: ErrorCode,
    message: string,
    {
      details = [],
      retryAfter,
      reason,
      cause,
    }: {
      readonly details?: readonly ErrorDetail[];
      readonly retryAfter?: number;
      readonly reason?: string;
      readonly cause?: unknown;
    } = {},
  ) {
    super(code, message, { cause });
    this.reason = reason;
    this.details = details;
    this.retryAfter = retryAfter;
  }

  get status(): ErrorStatus {
    return ERROR_STATUS[this.code];
  }

  toJSON(): ErrorAnswer {
    const { code, message, details } = this;
    return { error: { code, message, details: [...details] } };
  }
}

/** From the complaints of a schema to a ServiceError `bad_request` with a detail for each field, at most 50. */
export function badRequest(error: z.ZodError): ServiceError {
  const details = error.issues.flatMap((issue) => {
    const path = issue.path.map(String);
    if (issue.code === 'unrecognized_keys')
      return issue.keys.map((key) => ({ field: [...path, shown(key)].join('.'), message: 'There is no such field.' }));
    return [{ field: path.map(shown).join('.'), message: issue.message }];
  });
  const shownDetails = details.slice(0, MOST_DETAILS);
  const fields = [...new Set(shownDetails.map(({ field }) => field).filter((field) => field !== ''))];
  const message =
    fields.length > 0 ? `The request cannot be used: see ${fields.join(', ')}.` : 'The request cannot be used.';
  return new ServiceError('bad_request', message, { details: shownDetails });
}

/** The same for a chat, with all complaints in the message: clients of OpenAI show nothing else. */
export function badChatRequest(error: z.ZodError): ServiceError {
  const { message, details, reason } = chatComplaint(error);
  return new ServiceError('bad_request', message, { details, reason });
}

const MOST_DETAILS = 50;

/** A field's name from a request, shortened. */
const shown = (key: string) => (key.length > 60 ? `${key.slice(0, 60)}…` : key);
