// Something that the server is asked to do: busy until it has answered, and what it says when it will not.

import { useState } from 'preact/hooks';
import type { JobsStore } from './jobs-store.ts';
import { isUnauthorized, messageOf } from './messages.ts';

/** A refused password ends the session; any other error is a sentence beside the button. */
export function useAction(store: JobsStore) {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState('');
  return {
    busy,
    error,
    /** Whether it went well. */
    async act(work: () => Promise<unknown>): Promise<boolean> {
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
