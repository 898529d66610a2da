// The door as Hono middleware: a request goes on with `context.var.who`, or is answered 401 or 429.
//
// Around it an app puts, from the outside: accessLog, safeHeaders, allowOrigins (a preflight has no password),
// requireHttps; then the routes that need no password; then this; then the rest.

import type { Context } from 'hono';
import { createMiddleware } from 'hono/factory';
import { addressGroup, addressOf, type ProxyTrust } from './address.ts';
import type { Gatekeeper } from './gatekeeper.ts';
import { jsonBody } from './json-body.ts';
import { type Refusal, RefusalError, refuse } from './refusal.ts';

export interface AccessVariables {
  /** The name that the password stands under; `password` for the one that has none. */
  who: string;
}

/** The password that a request presents, or undefined. May throw a RefusalError. */
export type PasswordOf = (context: Context) => string | undefined | Promise<string | undefined>;

const CHALLENGE = { 'www-authenticate': 'Bearer realm="ludic", charset="UTF-8"' } as const;

/** `Authorization: Bearer …`, which counts before the body's `password`. */
export function bearerOf(context: Context): string | undefined {
  const header = context.req.header('authorization');
  const token = header === undefined ? undefined : /^Bearer +(.+)$/i.exec(header)?.[1];
  if (token === undefined) return undefined;
  // Headers arrive as bytes in the guise of Latin-1; what clients mean is UTF-8.
  const bytes = Buffer.from(token, 'latin1');
  const isLatin1 = bytes.toString('latin1') === token;
  const text = bytes.toString('utf8');
  return isLatin1 && !text.includes('\u{fffd}') ? text : token;
}

/** The bearer token, or `password` in the JSON body of a request that has a body. */
export const passwordOf: PasswordOf = async (context) => {
  const token = bearerOf(context);
  if (token !== undefined) return token;
  if (context.req.method === 'GET' || context.req.method === 'HEAD' || !hasBody(context)) return undefined;
  const { password } = await jsonBody(context);
  return typeof password === 'string' && password !== '' ? password : undefined;
};

export const hasBody = (context: Context) =>
  context.req.header('content-type') !== undefined ||
  context.req.header('transfer-encoding') !== undefined ||
  Number(context.req.header('content-length') ?? 0) > 0;

/** @param find where the password stands; by default in the header or the body */
export const requirePassword = (gatekeeper: Gatekeeper, trust: ProxyTrust, find: PasswordOf = passwordOf) =>
  createMiddleware<{ Variables: AccessVariables }>(async (context, next) => {
    let presented: string | undefined;
    try {
      presented = await find(context);
    } catch (error) {
      if (error instanceof RefusalError) return error.getResponse();
      throw error;
    }
    if (presented === undefined)
      return refuse(
        context,
        unauthorized('A password is needed: as "password" in the JSON body, or as Authorization: Bearer.'),
      );
    const address = addressGroup(addressOf(context, trust));
    const verdict = await gatekeeper.admit({ presented, address, signal: context.req.raw.signal });
    switch (verdict.kind) {
      case 'welcome':
        context.set('who', verdict.who);
        return next();
      case 'wrong':
        return refuse(
          context,
          unauthorized('The password is wrong. Where several share a server, name:password says whose it is.'),
        );
      case 'later':
        return refuse(context, {
          status: 429,
          code: 'too_many_requests',
          message:
            verdict.why === 'delayed'
              ? `Too many wrong passwords came from this address. Try again in ${verdict.retryAfterS} s.`
              : `Too many passwords are being checked. Try again in ${verdict.retryAfterS} s.`,
          headers: { 'retry-after': String(verdict.retryAfterS) },
        });
      case 'gone':
        // Nobody reads this.
        return refuse(context, {
          status: 429,
          code: 'too_many_requests',
          message: 'The client went away.',
          headers: { 'retry-after': '1' },
        });
      default:
        return verdict satisfies never;
    }
  });

const unauthorized = (message: string): Refusal => ({ status: 401, code: 'unauthorized', message, headers: CHALLENGE });
