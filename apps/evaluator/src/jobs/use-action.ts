// Something that the server is asked to do: busy until it has answered, and what it says when it will not.

import { useState } from 'preact/hooks';
import type { JobsStore } from './jobs-store.ts';
import { isUnauthorized, messageOf } from './messages.ts';

/** A request that changes something, and what became of it. */
export interface RequestAction {
  readonly busy: boolean;
  readonly error: string;
  /** Whether it went well. */
  readonly act: (work: () => Promise<unknown>) => Promise<boolean>;
}

/** A refused password ends the session; any other error is a sentence beside the button. */
export function useAction(store: JobsStore): RequestAction {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState('');
  return {
    busy,
    error,
    async act(work) {
      setBusy(true);
      setError('');
      try {
        await work();
        return true;
      } catch (error) {
        if (isUnauthorized(error)) store.refuse(error);
        setError(messageOf(error, store.session));
        return false;
      } finally {
        setBusy(false);
      }
    },
  };
}
