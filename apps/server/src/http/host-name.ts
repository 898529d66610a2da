// Which names a request may call this server by. A page whose name was pointed at this machine (DNS rebinding) says its own.

import { ServiceError } from '@ludic/service';
import type { MiddlewareHandler } from 'hono';
import { functionHost, hostOf } from './function-hosts.ts';

const LOCAL = ['localhost', '127.0.0.1', '[::1]'];

/**
 * @param names beside those of this machine; undefined: any
 * @param ofFunctions whether hosts of functions are taken that a name or this machine has
 */
export function requireHostName(names: readonly string[] | undefined, ofFunctions = false): MiddlewareHandler {
  const known = names && new Set([...LOCAL, ...names.map((name) => name.toLowerCase())]);
  return async (context, next) => {
    const host = hostOf(context.req.url);
    const base = ofFunctions ? functionHost(host)?.base : undefined;
    if (known === undefined || known.has(host) || (base !== undefined && known.has(base))) return next();
    throw new ServiceError('forbidden', 'This server does not go by that name. Name it with --host-name.');
  };
}
