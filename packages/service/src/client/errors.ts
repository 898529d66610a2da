// What can go wrong on the way to a server and back. What the server itself has against a request is a ServiceError.

import { LudicError } from '@ludic/io';

/** All codes of a `ClientError`, for programs that tell them from those of a `ServiceError`. */
export const CLIENT_ERROR_CODES = ['unreachable', 'timed_out', 'bad_answer', 'bad_base_url', 'insecure'] as const;

/**
 * unreachable: no answer came, or it broke off. timed_out: none came in time. bad_answer: something answered, but not as
 * Ludic does. bad_base_url: no address. insecure: the password would travel readable.
 */
export type ClientErrorCode = (typeof CLIENT_ERROR_CODES)[number];

/** A failure on the way to a server and back. What the server itself has against a request is a `ServiceError`. */
export class ClientError extends LudicError<ClientErrorCode> {
  override readonly name = 'ClientError';
  /** HTTP status, where there was one. */
  readonly status: number | undefined;
  /** Seconds after which it may be tried again. */
  readonly retryAfter: number | undefined;

  constructor(
    code: ClientErrorCode,
    message: string,
    {
      status,
      retryAfter,
      cause,
    }: { readonly status?: number; readonly retryAfter?: number; readonly cause?: unknown } = {},
  ) {
    super(code, message, { cause });
    this.status = status;
    this.retryAfter = retryAfter;
  }
}
