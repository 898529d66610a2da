// The views of the page, in the order of their tabs. A new view is a component and a line here.

import type { ComponentType } from 'preact';
import { EvaluateView } from './evaluate/evaluate-view.tsx';
import { JobsView } from './jobs/jobs-view.tsx';
import { PlayView } from './play/play-view.tsx';
import { TrainView } from './train/train-view.tsx';
import { WatchView } from './watch/watch-view.tsx';

/** A view of the page. */
export interface View {
  /** In the address, behind #. */
  readonly id: string;
  readonly title: string;
  readonly component: ComponentType;
}

/** The first is shown where the address names none. */
export const VIEWS: readonly View[] = [
  { id: 'evaluate', title: 'Evaluate', component: EvaluateView },
  { id: 'watch', title: 'Watch', component: WatchView },
  { id: 'play', title: 'Play', component: PlayView },
  { id: 'train', title: 'Train', component: TrainView },
  { id: 'jobs', title: 'Jobs', component: JobsView },
];
