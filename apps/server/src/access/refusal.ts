// Refusals as they go over the wire: {error: {code, message, details}}, with the codes and statuses of the contract. No
// field is to blame for these, so details are empty.

import type { Context } from 'hono';
import { HTTPException } from 'hono/http-exception';

export type RefusalCode =
  | 'unauthorized'
  | 'too_many_requests'
  | 'https_required'
  | 'unsupported_media_type'
  | 'too_large'
  | 'bad_request'
  | 'too_slow';
export type RefusalStatus = 400 | 401 | 408 | 413 | 415 | 429;

export interface Refusal {
  readonly status: RefusalStatus;
  readonly code: RefusalCode;
  /** Never holds anything of the request's body or its password. */
  readonly message: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export const refuse = (context: Context, { status, code, message, headers }: Refusal): Response =>
  context.json({ error: { code, message, details: [] } }, status, headers);

/** For the middle of a handler: `app.onError` passes on what `getResponse()` gives. */
export class RefusalError extends HTTPException {
  readonly refusal: Refusal;
  constructor(refusal: Refusal) {
    const { status, code, message, headers } = refusal;
    super(status, {
      message,
      res: Response.json({ error: { code, message, details: [] } }, { status, ...(headers && { headers }) }),
    });
    this.refusal = refusal;
  }
}
