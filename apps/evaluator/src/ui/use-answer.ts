// Work that may fail without harm: what the visitor asks for, and what a view asks for by itself.

import { useEffect, useState } from 'preact/hooks';

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

/** The answer to a question that changes with `keys`. The answer before stays until the next is there. */
export function useAnswer<T>(ask: () => Promise<T>, keys: readonly unknown[]) {
  const [value, setValue] = useState<T>();
  const { error, attempt } = useAttempt();
  useEffect(() => {
    let isWanted = true;
    void attempt(async () => {
      try {
        const answer = await ask();
        if (isWanted) setValue(() => answer);
      } catch (error) {
        if (isWanted) throw error;
      }
    });
    return () => {
      isWanted = false;
    };
  }, keys);
  return { value, error };
}
