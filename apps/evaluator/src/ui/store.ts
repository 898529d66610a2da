// State that lives apart from what shows it: connections go on while views come and go.

import { useEffect, useState } from 'preact/hooks';

/** A value that changes as a whole, and tells its listeners so. */
export abstract class Store<State> {
  #state: State;
  readonly #listeners = new Set<() => void>();

  constructor(state: State) {
    this.#state = state;
  }

  get state(): State {
    return this.#state;
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  protected set(changes: Partial<State>): void {
    this.#state = { ...this.#state, ...changes };
    for (const listener of this.#listeners) listener();
  }
}

/** Draws the component again whenever the store changes. */
export function useStore<State>(store: Store<State>): State {
  const [, setCount] = useState(0);
  useEffect(() => {
    const look = () => setCount((count) => count + 1);
    // Something may have happened since it was drawn.
    look();
    return store.subscribe(look);
  }, [store]);
  return store.state;
}

/** A pause that ends early when the signal is aborted, or something wakes it. */
export function sleep(milliseconds: number, signal: AbortSignal, onWake?: (wake: () => void) => void): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, milliseconds);
  const end = () => {
    clearTimeout(timer);
    signal.removeEventListener('abort', end);
    resolve();
  };
  signal.addEventListener('abort', end);
  onWake?.(end);
  return promise.finally(end);
}
