// Which names a request may call this server by. A page whose name was pointed at this machine (DNS rebinding) says its own.

import { ServiceError } from '@ludic/service';
import type { MiddlewareHandler } from 'hono';

const LOCAL = ['localhost', '127.0.0.1', '[::1]'];

/** @param names beside those of this machine; undefined: any */
export const requireHostName =
  (names: readonly string[] | undefined): MiddlewareHandler =>
  async (context, next) => {
    if (names === undefined) return next();
    const host = new URL(context.req.url).hostname.replace(/\.$/, '').toLowerCase();
    if (LOCAL.includes(host) || names.some((name) => name.toLowerCase() === host)) return next();
    throw new ServiceError('forbidden', 'This server does not go by that name. Name it with --host-name.');
  };
