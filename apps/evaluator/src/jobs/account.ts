// The server that this page is signed in to, once for all views, as plain data: what speaks to servers is loaded where it is
// needed. The password is in memory, and in the tab's storage where the visitor wants it.

import { Store, useStore } from '../ui/store.ts';

/** Where to sign in, and as whom. */
export interface Account {
  /** Base URL of the service, without a slash at its end. */
  readonly address: string;
  readonly password: string;
}

/** Whether the page is signed in, and how the last session ended. */
export interface SessionState {
  /** Undefined while the page is signed out. */
  readonly account: Account | undefined;
  /** Where the visitor was before, and why that is over; the reason is empty where that was the visitor's wish. */
  readonly left: { readonly address: string; readonly error: string } | undefined;
}

const KEY = 'ludic server';

/** The one session of the page. Evaluate and Jobs share it. */
export class SessionStore extends Store<SessionState> {
  constructor() {
    super({ account: storedAccount(), left: undefined });
  }

  /** @param keep until the tab is closed. Browsers that store nothing keep it as long as the page is open. */
  signIn(account: Account, keep: boolean): void {
    forget();
    if (keep)
      try {
        sessionStorage.setItem(KEY, JSON.stringify(account));
      } catch {
        // The visitor will be asked again.
      }
    this.set({ account, left: undefined });
  }

  /** @param error why, where the server refuses the account. One that has taken its place meanwhile stays. */
  leave(account: Account, error = ''): void {
    if (this.state.account !== account) return;
    forget();
    this.set({ account: undefined, left: { address: account.address, error } });
  }
}

/** One for the page, so that Evaluate and Jobs are signed in together. */
export const sessionStore = new SessionStore();

/** Draws the component again when the page signs in or out. */
export const useSession = (): SessionState => useStore(sessionStore);

/** Where the server is, if it is the one that the page came from. */
export const ownAddress = () => tidyAddress(new URL('.', location.href).href);

/** Base URLs are compared and joined without a slash at their end. */
export const tidyAddress = (text: string) => text.trim().replace(/\/+$/, '');

/** What other versions of the page have stored may be anything, so it is checked. */
function storedAccount(): Account | undefined {
  try {
    const { address, password } = JSON.parse(sessionStorage.getItem(KEY) ?? '{}');
    return typeof address === 'string' && typeof password === 'string' ? { address, password } : undefined;
  } catch {
    return undefined;
  }
}

/** Removes the password from the storage of the tab. */
function forget(): void {
  try {
    sessionStorage.removeItem(KEY);
  } catch {
    // Nothing was stored.
  }
}
