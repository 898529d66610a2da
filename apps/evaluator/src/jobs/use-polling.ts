// Polls one resource of the server while a component that shows it is mounted.

import { useEffect, useState } from 'preact/hooks';
import { sleep } from '../ui/store.ts';
import type { JobsStore } from './jobs-store.ts';
import { isTransient, messageOf } from './messages.ts';

/**
 * @param every milliseconds between two questions; undefined: until one was answered
 * @returns the answer that came last, and why there is no newer one
 */
export function usePolling<T>(
  store: JobsStore,
  key: string,
  every: number | undefined,
  ask: (signal: AbortSignal) => Promise<T>,
) {
  const [value, setValue] = useState<T>();
  const [error, setError] = useState('');
  useEffect(() => {
    const controller = new AbortController();
    const { signal } = controller;
    const work = async () => {
      while (!signal.aborted) {
        let isDone = every === undefined;
        try {
          const next = await ask(signal);
          if (signal.aborted) return;
          setValue(() => next);
          setError('');
        } catch (error) {
          if (signal.aborted) return;
          setError(messageOf(error, store.session));
          isDone = !isTransient(error);
        }
        if (isDone) return;
        await sleep(every ?? RETRY, signal);
      }
    };
    void work();
    return () => controller.abort();
  }, [store, key, every]);
  return { value, error };
}

const RETRY = 3000;
