// What a visitor has asked for and may fail without harm.

import { useState } from 'preact/hooks';

/** Tries what it is given, and holds its error as a sentence until the next attempt. */
export function useAttempt() {
  const [error, setError] = useState('');
  const attempt = async (what: () => unknown): Promise<void> => {
    setError('');
    try {
      await what();
    } catch (error) {
      setError((error as Error).message);
    }
  };
  return { error, attempt };
}
