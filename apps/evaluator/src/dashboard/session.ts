// The server that the dashboard speaks to. Its password is in memory, and in the tab's storage where the visitor wants it.

import { LudicClient } from '@ludic/service/client';
import { config } from 'zod';

// Schemas would be compiled to code at run time, which the page's policy forbids.
config({ jitless: true });

export interface Account {
  /** Base URL of the service. */
  readonly address: string;
  readonly password: string;
}

export interface Session {
  readonly address: string;
  /** Whether the server is the one that the page came from. */
  readonly isOwn: boolean;
  /** Tries again by itself: for what the visitor waits for. */
  readonly client: LudicClient;
  /** Tells at once how it went: for what is asked again anyway. */
  readonly prompt: LudicClient;
}

/** Where the server is, if it is the one that the page came from. */
export const ownAddress = () => new URL('.', location.href).href.replace(/\/$/, '');

/** @throws ClientError `bad_base_url`, `insecure` */
export function openSession({ address, password }: Account): Session {
  // What connects many pages anew after a fault should not come at one moment.
  const [seed] = crypto.getRandomValues(new Uint32Array(1));
  const options = { baseUrl: address, password, seed: seed! };
  // Addresses that are none end here.
  const client = new LudicClient(options);
  const prompt = new LudicClient({ ...options, retries: 0 });
  return { address, isOwn: new URL(address).origin === location.origin, client, prompt };
}

const KEY = 'ludic server';

/** Keeps an account until the tab is closed. Browsers that store nothing keep it as long as the page is open. */
export function keepAccount(account: Account): void {
  try {
    sessionStorage.setItem(KEY, JSON.stringify(account));
  } catch {
    // The visitor will be asked again.
  }
}

export function keptAccount(): Account | undefined {
  try {
    const { address, password } = JSON.parse(sessionStorage.getItem(KEY) ?? '{}');
    return typeof address === 'string' && typeof password === 'string' ? { address, password } : undefined;
  } catch {
    return undefined;
  }
}

export function forgetAccount(): void {
  try {
    sessionStorage.removeItem(KEY);
  } catch {
    // Nothing was kept.
  }
}
