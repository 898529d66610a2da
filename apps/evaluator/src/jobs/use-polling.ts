// Something of the server that is asked for again now and then, as long as somebody looks at it.

import { useEffect, useState } from 'preact/hooks';
import { rest } from '../ui/store.ts';
import type { Board } from './jobs-store.ts';
import { isAway, sentence } from './messages.ts';

export interface Asked<T> {
  /** What came last. */
  readonly value: T | undefined;
  readonly trouble: string;
}

/** @param every milliseconds between two questions; undefined: until one was answered */
export function useAsked<T>(
  board: Board,
  key: string,
  every: number | undefined,
  ask: (signal: AbortSignal) => Promise<T>,
): Asked<T> {
  const [value, setValue] = useState<T>();
  const [trouble, setTrouble] = useState('');
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
          setTrouble('');
        } catch (error) {
          if (signal.aborted) return;
          setTrouble(sentence(error, board.session));
          isDone = !isAway(error);
        }
        if (isDone) return;
        await rest(every ?? RETRY, signal);
      }
    };
    void work();
    return () => controller.abort();
  }, [board, key, every]);
  return { value, trouble };
}

const RETRY = 3000;
