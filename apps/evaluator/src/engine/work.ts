// What the handlers of requests work with.

import type { ModelRegistry } from './models/registry.ts';
import type { Progress } from './protocol.ts';
import type { Runs } from './runs/runs.ts';

/** Tells the page how far a request is. */
export type Report = (progress: Progress) => void;

/** Of one request: what the engine has, and the way to say how far it is and to hear that it was cancelled. */
export interface Work {
  readonly models: ModelRegistry;
  readonly runs: Runs;
  readonly report: Report;
  readonly signal: AbortSignal;
}
