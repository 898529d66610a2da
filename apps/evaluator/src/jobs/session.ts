// The account as clients that speak for it.

import { LudicClient } from '@ludic/service/client';
import { config } from 'zod';
import type { Account } from './account.ts';

// Schemas would be compiled to code at run time, which the page's policy forbids.
config({ jitless: true });

/** Clients of the service for one account. */
export interface Session {
  readonly account: Account;
  readonly address: string;
  /** Whether the server is the one that the page came from. */
  readonly isOwn: boolean;
  /** Tries again by itself: for what the visitor waits for. */
  readonly client: LudicClient;
  /** Tells at once how it went: for what is asked again anyway. */
  readonly prompt: LudicClient;
}

/** @throws ClientError `bad_base_url`, `insecure` */
export function openSession(account: Account): Session {
  const { address, password } = account;
  // What connects many pages anew after a fault should not come at one moment.
  const [seed] = crypto.getRandomValues(new Uint32Array(1));
  const options = { baseUrl: address, password, seed: seed! };
  // Addresses that are none end here.
  const client = new LudicClient(options);
  const prompt = new LudicClient({ ...options, retries: 0 });
  return { account, address, isOwn: new URL(address).origin === location.origin, client, prompt };
}
