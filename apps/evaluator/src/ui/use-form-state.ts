// The state of a form into which something may still be on its way, and the address that may fill it.

import { useEffect, useRef, useState } from 'preact/hooks';

/** What a form holds. It is known at once after a change, not only when the form is drawn again. */
export function useFormState<T extends object>(initial: T) {
  const [value, setValue] = useState(initial);
  const latest = useRef(initial);
  const coming = useRef<Promise<unknown>>(Promise.resolve());
  const update = (change: (before: T) => T) => {
    latest.current = change(latest.current);
    setValue(latest.current);
  };
  /** A change that needs an answer first. @param arrival does not reject */
  const expect = (arrival: Promise<(before: T) => T>) => {
    coming.current = Promise.all([coming.current, arrival.then(update)]);
  };
  /** The value when everything that was expected by then has arrived. */
  const settled = async (): Promise<T> => {
    await coming.current;
    return latest.current;
  };
  return { value, update, expect, settled };
}

/** Follows the address, whether the page is opened with it or led to it. */
export function useLink<T>(
  read: (hash: string) => T | undefined,
  follow: (wanted: T | undefined) => void,
  onError: (message: string) => void,
): void {
  useEffect(() => {
    const look = () => {
      try {
        follow(read(location.hash));
      } catch (error) {
        onError((error as Error).message);
      }
    };
    look();
    addEventListener('hashchange', look);
    return () => removeEventListener('hashchange', look);
  }, []);
}
