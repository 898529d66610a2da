// The headers that browsers obey, in one place: which pages may call the server, and what its own pages may do.

import type { MiddlewareHandler } from 'hono';
import { cors } from 'hono/cors';
import { secureHeaders } from 'hono/secure-headers';
import { StartupError } from '../startup-error.ts';

/**
 * Reads the values of --allow-origin, such as `https://games.example`. None is the default.
 * @throws StartupError `bad_origin`
 */
export function parseOrigins(values: readonly string[]): readonly string[] {
  return values.map((value) => {
    const url = URL.canParse(value) ? new URL(value) : undefined;
    if (url === undefined || !/^https?:$/.test(url.protocol) || (value !== url.origin && value !== `${url.origin}/`))
      throw new StartupError(
        'bad_origin',
        `--allow-origin: ${JSON.stringify(value)} is no origin. Write scheme, name and port alone, such as https://games.example.`,
      );
    return url.origin;
  });
}

/** Pages of these origins may call the server; they still need the password. */
export const allowOrigins = (origins: readonly string[]): MiddlewareHandler =>
  origins.length === 0
    ? (_, next) => next()
    : cors({
        origin: [...origins],
        allowMethods: ['GET', 'HEAD', 'POST', 'DELETE'],
        allowHeaders: ['authorization', 'content-type', 'last-event-id', 'range', 'if-none-match', 'if-range'],
        exposeHeaders: ['accept-ranges', 'content-length', 'content-range', 'etag', 'retry-after', 'x-request-id'],
        maxAge: 600,
      });

/** Sources of models and other servers, as in the page's own headers (apps/evaluator/headers.ts). */
const PAGE_MAY_ASK = ['https:', 'http://127.0.0.1:*', 'http://localhost:*'];

/**
 * For every answer. Pages run scripts and WebAssembly of this server alone and no inline scripts, and are isolated from other
 * origins, so that WebAssembly gets its threads.
 * @param connect what the server's own pages may ask beside it
 */
export const safeHeaders = (connect: readonly string[] = PAGE_MAY_ASK): MiddlewareHandler =>
  secureHeaders({
    contentSecurityPolicy: {
      defaultSrc: ["'self'"],
      scriptSrc: ["'self'", "'wasm-unsafe-eval'"],
      workerSrc: ["'self'", 'blob:'],
      styleSrc: ["'self'"],
      imgSrc: ["'self'", 'data:', 'blob:'],
      connectSrc: ["'self'", ...connect],
      objectSrc: ["'none'"],
      baseUri: ["'none'"],
      formAction: ["'self'"],
      frameAncestors: ["'none'"],
    },
    crossOriginOpenerPolicy: 'same-origin',
    crossOriginEmbedderPolicy: 'require-corp',
    crossOriginResourcePolicy: 'same-origin',
    referrerPolicy: 'no-referrer',
    xFrameOptions: 'DENY',
  });
