// Behind a proxy a password must have come by HTTPS: X-Forwarded-Proto has to say so at every hop.
// A proxy that speaks HTTPS alone may say nothing of it: `assumeHttps` takes its silence for HTTPS, never its "http".
// One exception: a health check from this machine itself, that no proxy passed on, as container probes send it. It
// carries no secret and tells none.

import { ServiceError } from '@ludic/service';
import type { MiddlewareHandler } from 'hono';
import { isEncrypted, isLoopback, isTrusted, type ProxyTrust, peerOf } from './address.ts';
import { errorResponse } from './refusal.ts';

const PROBE = '/health-check';
const FORWARDED = ['forwarded', 'x-forwarded-for', 'x-forwarded-proto', 'x-forwarded-host', 'via'];

/** Without a trusted proxy the server listens on loopback or by TLS, and this lets everything pass. */
export const requireHttps =
  (trust: ProxyTrust, assumeHttps = false): MiddlewareHandler =>
  async (context, next) => {
    if (trust.kind === 'none') return next();
    const peer = peerOf(context) ?? '';
    const said = context.req.header('x-forwarded-proto');
    const byProxy =
      isTrusted(peer, trust) &&
      (said === undefined ? assumeHttps : said.split(',').every((each) => each.trim().toLowerCase() === 'https'));
    const direct = said === undefined && isEncrypted(context);
    const isProbe =
      context.req.path === PROBE &&
      (context.req.method === 'GET' || context.req.method === 'HEAD') &&
      isLoopback(peer) &&
      FORWARDED.every((name) => context.req.header(name) === undefined);
    if (byProxy || direct || isProbe) return next();
    const message =
      'HTTPS required. Use an https:// address; the proxy in front of this server must pass on X-Forwarded-Proto: https.';
    return errorResponse(new ServiceError('https_required', message));
  };
