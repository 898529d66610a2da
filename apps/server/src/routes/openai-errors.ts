// Whatever goes wrong at an address that speaks OpenAI's language is told in that language, the door's refusals too.

import { errorAnswer } from '@ludic/service';
import { openaiError, openaiStatus } from '@ludic/service/internal';
import { createMiddleware } from 'hono/factory';
import { asServiceError } from '../failure.ts';
import type { Caller } from './register.ts';

export const openaiErrors = createMiddleware<Caller>(async (context, next) => {
  await next();
  const { res, error } = context;
  if (res.status < 400 || res.headers.has('content-encoding')) return;
  if (!res.headers.get('content-type')?.startsWith('application/json')) return;
  const told = errorAnswer.safeParse(await res.clone().json());
  if (!told.success) return;
  const answer = openaiError(told.data.error, error && finerReason(error));
  context.res = Response.json(answer, { status: openaiStatus(told.data.error.code), headers: res.headers });
});

/** An error's own reason; what a handler of these addresses does not find is a model. */
export function finerReason(error: unknown): string | undefined {
  const { code, reason } = asServiceError(error, '');
  return reason ?? (code === 'not_found' ? 'model_not_found' : undefined);
}
