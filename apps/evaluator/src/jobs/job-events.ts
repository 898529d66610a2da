// One job as it happens: its events from the first on, over as many connections as that takes. What came stays when the
// server goes away, and nothing is asked for twice.

import type { Job } from '@ludic/service';
import type { NumberedJobEvent } from '@ludic/service/client';
import { Store, sleep } from '../ui/store.ts';
import { isTransient, isUnauthorized } from './messages.ts';
import type { Session } from './session.ts';

/** Metrics of a step or of an evaluation, by the names of the contract. */
export type JobMetricsRow = Readonly<Record<string, unknown>> & { readonly step: number };

/** What the events of a job have told so far. */
export interface JobEventsState {
  /** By step, each once. */
  readonly steps: readonly JobMetricsRow[];
  readonly evaluations: readonly JobMetricsRow[];
  readonly warnings: readonly { readonly message: string; readonly step?: number }[];
}

/** What the list of jobs hears of one job's events. */
export interface JobEventsHooks {
  /** What the job was at an event, which may have been long ago. */
  readonly onNews: (job: Pick<Job, 'status' | 'step'>) => void;
  /** What no patience helps against. */
  readonly onError: (error: unknown) => void;
}

/** Milliseconds in which events are gathered before they are shown: a server that is asked for the past sends it at once. */
const GATHER = 100;
const FIRST_PAUSE = 1000;
const LONGEST_PAUSE = 10_000;

/** Reads the event stream of one job, reconnects with growing pauses, and goes on after the last event id. */
export class JobEvents extends Store<JobEventsState> {
  readonly #session: Session;
  readonly #id: string;
  readonly #hooks: JobEventsHooks;
  #controller: AbortController | undefined;
  #isDone = false;
  #wake = () => {};
  #last = '';
  #fresh: NumberedJobEvent[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(session: Session, id: string, hooks: JobEventsHooks) {
    super({ steps: [], evaluations: [], warnings: [] });
    this.#session = session;
    this.#id = id;
    this.#hooks = hooks;
  }

  /**
   * Goes on after the last event that is here, until the job has ended.
   * @param isActive it has not ended, or no longer
   */
  start(isActive: boolean): void {
    if (this.#controller || (this.#isDone && !isActive)) return;
    this.#isDone = false;
    this.#controller = new AbortController();
    void this.#follow(this.#controller.signal);
  }

  stop(): void {
    this.#controller?.abort();
    this.#controller = undefined;
  }

  /** Connects at once, where it waits to do so. */
  retry(): void {
    this.#wake();
  }

  async #follow(signal: AbortSignal): Promise<void> {
    for (let pause = FIRST_PAUSE; !signal.aborted && !this.#isDone; pause = Math.min(2 * pause, LONGEST_PAUSE)) {
      try {
        const options = { signal, ...(this.#last !== '' && { lastEventId: this.#last }) };
        for await (const event of this.#session.prompt.jobEvents(this.#id, options)) {
          pause = FIRST_PAUSE / 2;
          this.#last = event.id;
          this.#fresh.push(event);
          this.#timer ??= setTimeout(() => this.#show(), GATHER);
        }
        this.#isDone = true;
      } catch (error) {
        if (signal.aborted) break;
        if (!isTransient(error) || isUnauthorized(error)) {
          this.#isDone = true;
          this.#hooks.onError(error);
          break;
        }
        await sleep(pause, signal, (wake) => {
          this.#wake = wake;
        });
      }
    }
    if (this.#controller?.signal === signal) this.#controller = undefined;
  }

  #show(): void {
    this.#timer = undefined;
    const fresh = this.#fresh;
    this.#fresh = [];
    const { steps, evaluations, warnings } = this.state;
    this.set({
      steps: mergedBySteps(
        steps,
        fresh.flatMap((event) => (event.type === 'step' ? [event.data] : [])),
      ),
      evaluations: mergedBySteps(
        evaluations,
        fresh.flatMap((event) => (event.type === 'evaluation' ? [event.data] : [])),
      ),
      warnings: [...warnings, ...fresh.flatMap((event) => (event.type === 'warning' ? [event.data] : []))],
    });
    const job = fresh.findLast((event) => event.type === 'job')?.data;
    const step = fresh.findLast((event) => event.type === 'step')?.data.step;
    if (job) this.#hooks.onNews({ status: job.status, step: Math.max(job.step, step ?? 0) });
    else if (step !== undefined) this.#hooks.onNews({ status: 'running', step });
  }
}

/** Adds what came. A training that goes on from a checkpoint tells the steps after it again, and these count. */
export function mergedBySteps(
  known: readonly JobMetricsRow[],
  fresh: readonly JobMetricsRow[],
): readonly JobMetricsRow[] {
  if (fresh.length === 0) return known;
  const all = [...known];
  for (const one of fresh) {
    while (all.length > 0 && all.at(-1)!.step >= one.step) all.pop();
    all.push(one);
  }
  return all;
}
