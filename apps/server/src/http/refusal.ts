// Refusals of a request that has not reached its handler, in the shape of the contract: {error: {code, message, details}}.
// The code decides the status. No field is to blame, so details are empty.

import { type ErrorCode, ServiceError } from '@ludic/service';
import { HTTPException } from 'hono/http-exception';

/** @param message never holds anything of the request's body or its password */
export function refusal(code: ErrorCode, message: string, headers: Readonly<Record<string, string>> = {}): Response {
  const error = new ServiceError(code, message);
  return Response.json(error, { status: error.status, headers });
}

/** A refusal for the middle of a handler: `app.onError` answers with `getResponse()`. */
export class RefusalError extends HTTPException {
  constructor(code: ErrorCode, message: string, headers?: Readonly<Record<string, string>>) {
    const res = refusal(code, message, headers);
    super(res.status as 400, { message, res });
  }
}
