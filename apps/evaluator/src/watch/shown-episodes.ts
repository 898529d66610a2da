// The episodes that the view Watch shows. Other views put episodes here, as data; games of an address come by their link.

import type { RecordedEpisode } from '@ludic/rollouts/internal';
import { Store } from '../ui/store.ts';

/** Episodes to watch, one of them shown at first. */
export interface EpisodeSet {
  /** Where they are from, for people. */
  readonly source: string;
  readonly episodes: readonly RecordedEpisode[];
  readonly shown: number;
  /** The model that wrote them, where it is here. Default: the model that is chosen in the view. */
  readonly model?: string;
}

/** Outlives the view, so that another view can put episodes here before it is opened. */
class ShownEpisodes extends Store<{ readonly set: EpisodeSet | undefined }> {
  show(set: EpisodeSet): void {
    this.set({ set });
  }
}

/** The one set of episodes that is watched. */
export const shownEpisodes = new ShownEpisodes({ set: undefined });

/** Shows episodes that are there as data, such as those that a trainer sampled. Opens the view. */
export function watchEpisodes(set: EpisodeSet): void {
  shownEpisodes.show(set);
  location.hash = '#watch';
}
