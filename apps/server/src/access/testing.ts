// For tests and benches: passwords with their hashes, each made once, a clock that is wound by hand, a small app.

import { Hono } from 'hono';
import type { ProxyTrust } from './address.ts';
import type { Gatekeeper } from './gatekeeper.ts';
import { hashPassword } from './hash.ts';
import { accessLog, createLogger } from './log.ts';
import { requirePassword } from './middleware.ts';
import { Passwords } from './passwords.ts';

const made = new Map<string, Promise<string>>();

export function hashOf(password: string): Promise<string> {
  const hash = made.get(password) ?? hashPassword(password);
  made.set(password, hash);
  return hash;
}

export const onePassword = async (password: string): Promise<Passwords> =>
  Passwords.open({ hash: await hashOf(password) });

export class HandClock {
  ms = 0;
  readonly now = () => this.ms;
}

/** What Node's server hands to Hono, for `app.request(path, init, from('1.2.3.4'))`. */
export const from = (remoteAddress: string, encrypted = false) => ({
  incoming: { socket: { remoteAddress, encrypted } },
});

/** Health without a password, and a route with one. */
export const doorApp = (keeper: Gatekeeper, trust: ProxyTrust, write: (line: string) => void) =>
  new Hono()
    .use(accessLog(createLogger({ write }), trust))
    .get('/health-check', (context) => context.json({ status: 'healthy' }))
    .use(requirePassword(keeper, trust))
    .post('/train', (context) => context.text(context.var.who));
