// Errors of the contract as answers: {error: {code, message, details}}. The code decides the status.

import { type ErrorCode, ServiceError } from '@ludic/service';
import { HTTPException } from 'hono/http-exception';

export function errorResponse(error: ServiceError, headers: Readonly<Record<string, string>> = {}): Response {
  const all = new Headers(headers);
  if (error.retryAfter !== undefined) all.set('Retry-After', String(Math.ceil(error.retryAfter)));
  return Response.json(error, { status: error.status, headers: all });
}

/** A refusal of a request that has not reached its handler: `app.onError` answers with `getResponse()`. */
export class RefusalError extends HTTPException {
  /** @param message never holds anything of the request's body or its password */
  constructor(code: ErrorCode, message: string, headers?: Readonly<Record<string, string>>) {
    const res = errorResponse(new ServiceError(code, message), headers);
    super(res.status as 400, { message, res });
  }
}
