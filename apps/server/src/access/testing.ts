// For tests: passwords with their hashes, each made once, and a clock that is wound by hand.

import { hashPassword } from './hash.ts';
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
