// What the view Watch shows is shared: other views put episodes there, as data or as a link.

import type { Recorded } from './recorded.ts';

/** Episodes to watch, one of them shown at first. */
export interface Shelf {
  /** Where they are from, for people. */
  readonly source: string;
  readonly episodes: readonly Recorded[];
  readonly shown: number;
  /** The model that wrote them, where it is here. Default: whichever is chosen in the view. */
  readonly model?: string;
}

let shelf: Shelf | undefined;
const listeners = new Set<() => void>();

export const shelved = (): Shelf | undefined => shelf;

/** Shows episodes that are there as data, such as those that a trainer sampled. Opens the view. */
export function watchEpisodes(next: Shelf): void {
  shelf = next;
  location.hash = '#watch';
  for (const listener of listeners) listener();
}

/** @returns what ends it */
export function onShelf(listener: () => void): () => void {
  listeners.add(listener);
  return () => {
    listeners.delete(listener);
  };
}
