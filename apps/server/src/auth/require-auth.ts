// Authentication as Hono middleware: a request goes on with `context.var.who`, or is answered 401 or 429.
//
// Order in an app, from the outside: accessLog, safeHeaders, allowOrigins (a preflight has no password), requireHttps; the
// routes without a password; this; the other routes.

import { ServiceError } from '@ludic/service';
import type { Context } from 'hono';
import { createMiddleware } from 'hono/factory';
import { addressGroup, addressOf, type ProxyTrust } from '../http/address.ts';
import { jsonBody } from '../http/json-body.ts';
import { errorResponse, RefusalError } from '../http/refusal.ts';
import type { PasswordAuthenticator } from './password-authenticator.ts';

export interface AccessVariables {
  /** The name that the password stands under; `password` for the one that has none. */
  who: string;
}

/** `Authorization: Bearer …`, which counts before the body's `password`. */
function bearerOf(context: Context): string | undefined {
  const header = context.req.header('authorization');
  const token = header === undefined ? undefined : /^Bearer +(.+)$/i.exec(header)?.[1];
  if (token === undefined) return undefined;
  // Headers arrive as bytes in the guise of Latin-1; what clients mean is UTF-8.
  const bytes = Buffer.from(token, 'latin1');
  const isLatin1 = bytes.toString('latin1') === token;
  const text = bytes.toString('utf8');
  return isLatin1 && !text.includes('\u{fffd}') ? text : token;
}

/**
 * The bearer token, or `password` in the JSON body of a request that has a body.
 * @throws RefusalError for a body that cannot be read
 */
async function passwordOf(context: Context): Promise<string | undefined> {
  const token = bearerOf(context);
  if (token !== undefined) return token;
  if (context.req.method === 'GET' || context.req.method === 'HEAD' || !hasBody(context)) return undefined;
  const { password } = await jsonBody(context);
  return typeof password === 'string' && password !== '' ? password : undefined;
}

export const hasBody = (context: Context) =>
  context.req.header('content-type') !== undefined ||
  context.req.header('transfer-encoding') !== undefined ||
  Number(context.req.header('content-length') ?? 0) > 0;

export const requireAuth = (authenticator: PasswordAuthenticator, trust: ProxyTrust) =>
  createMiddleware<{ Variables: AccessVariables }>(async (context, next) => {
    let presented: string | undefined;
    try {
      presented = await passwordOf(context);
    } catch (error) {
      if (error instanceof RefusalError) return error.getResponse();
      throw error;
    }
    if (presented === undefined)
      return unauthorized('A password is needed: as "password" in the JSON body, or as Authorization: Bearer.');
    const address = addressGroup(addressOf(context, trust));
    const result = await authenticator.authenticate({ presented, address, signal: context.req.raw.signal });
    switch (result.kind) {
      case 'accepted':
        context.set('who', result.who);
        return next();
      case 'rejected':
        return unauthorized('The password is wrong. Where several share a server, name:password says whose it is.');
      case 'throttled':
        return tooMany(
          result.reason === 'delayed'
            ? `Too many wrong passwords came from this address. Try again in ${result.retryAfterS} s.`
            : `Too many passwords are being checked. Try again in ${result.retryAfterS} s.`,
          result.retryAfterS,
        );
      case 'aborted':
        // The client does not read this; the access log shows the status.
        return tooMany('The client went away.', 1);
      default:
        return result satisfies never;
    }
  });

const unauthorized = (message: string) =>
  errorResponse(new ServiceError('unauthorized', message), {
    'www-authenticate': 'Bearer realm="ludic", charset="UTF-8"',
  });

const tooMany = (message: string, retryAfter: number) =>
  errorResponse(new ServiceError('too_many_requests', message, { retryAfter }));
