// The access log: name, method, path, address, status and time as one JSON line for each answer. It has no headers, query or
// body, where a client could have put a secret.

import { randomUUID } from 'node:crypto';
import { createMiddleware } from 'hono/factory';
import { type DestinationStream, type Logger, pino } from 'pino';
import type { AccessVariables } from '../auth/require-auth.ts';
import { addressOf, type ProxyTrust } from './address.ts';

export interface LogVariables {
  requestId: string;
}

const LONGEST_PATH = 200;
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

export const createLogger = (destination?: DestinationStream): Logger =>
  pino({ base: undefined, timestamp: pino.stdTimeFunctions.isoTime }, destination ?? pino.destination(1));

/** Also gives each request an id, as `context.var.requestId` and in the answer's X-Request-Id. */
export const accessLog = (logger: Logger, trust: ProxyTrust) =>
  createMiddleware<{ Variables: LogVariables & Partial<AccessVariables> }>(async (context, next) => {
    const start = performance.now();
    const id = randomUUID();
    context.set('requestId', id);
    await next();
    context.header('x-request-id', id);
    logger.info(
      {
        id,
        who: context.var.who ?? null,
        method: METHODS.has(context.req.method) ? context.req.method : 'other',
        path: context.req.path.slice(0, LONGEST_PATH),
        address: addressOf(context, trust),
        status: context.res.status,
        // To the answer's head; a stream of events may go on for hours.
        ms: Math.round((performance.now() - start) * 10) / 10,
      },
      'request',
    );
  });
