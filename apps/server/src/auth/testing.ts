// For tests and benches: passwords with their hashes, each made once, a clock that tests set, a small app.

import { Hono } from 'hono';
import { accessLog, createLogger } from '../http/access-log.ts';
import type { ProxyTrust } from '../http/address.ts';
import { hashPassword } from './hash.ts';
import type { PasswordAuthenticator } from './password-authenticator.ts';
import { Passwords } from './passwords.ts';
import { requireAuth } from './require-auth.ts';

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
export const authApp = (authenticator: PasswordAuthenticator, trust: ProxyTrust, write: (line: string) => void) =>
  new Hono()
    .use(accessLog(createLogger({ write }), trust))
    .get('/health-check', (context) => context.json({ status: 'healthy' }))
    .use(requireAuth(authenticator, trust))
    .post('/train', (context) => context.text(context.var.who));
