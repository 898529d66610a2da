// The jobs of a server as the page knows them: asked for at a gentle rate, and told by the events of those that run.

import { isEnd, type Job, type Model } from '@ludic/service';
import { Store, sleep } from '../ui/store.ts';
import { JobEvents } from './job-events.ts';
import { isNotFound, isTransient, isUnauthorized, messageOf } from './messages.ts';
import type { Session } from './session.ts';

/** What is known of the server's jobs. */
export interface JobsState {
  /** The newest first; undefined until they are known. */
  readonly jobs: readonly Job[] | undefined;
  readonly models: readonly Model[];
  /** A job that was to be looked at, and that the server does not have. */
  readonly missing: string | undefined;
  /** Why nothing new comes, and since when. */
  readonly error: { readonly message: string; readonly since: Date } | undefined;
}

/** Milliseconds between two questions for the list: while something runs, while nothing does, after no answer, unseen. */
const PAUSES = { busy: 3000, idle: 8000, away: 2000, hidden: 20_000 } as const;
const MOST_JOBS = 200;
/** Browsers open six connections to a server of HTTP/1.1; most of them have to stay free. */
const MOST_FOLLOWED = 3;

/** Polls the list of jobs and follows the events of the selected job and of a few that run. */
export class JobsStore extends Store<JobsState> {
  readonly session: Session;
  readonly #onRefused: (message: string) => void;
  readonly #events = new Map<string, JobEvents>();
  #controller: AbortController | undefined;
  #wake = () => {};
  #selected: string | undefined;
  /** Which jobs had ended when the models were asked for. */
  #modelsAfter: string | undefined;

  /** @param onRefused hears that the password is no longer accepted */
  constructor(session: Session, onRefused: (message: string) => void) {
    super({ jobs: undefined, models: [], missing: undefined, error: undefined });
    this.session = session;
    this.#onRefused = onRefused;
  }

  open(): void {
    this.#controller = new AbortController();
    const { signal } = this.#controller;
    document.addEventListener('visibilitychange', () => this.refresh(), { signal });
    addEventListener('online', () => this.refresh(), { signal });
    void this.#poll(signal);
  }

  close(): void {
    this.#controller?.abort();
    for (const eventsOf of this.#events.values()) eventsOf.stop();
  }

  /** Asks at once. */
  refresh(): void {
    this.#wake();
  }

  /** What happens to a job, from its beginning. */
  eventsOf(id: string): JobEvents {
    const known = this.#events.get(id);
    if (known) return known;
    const eventsOf = new JobEvents(this.session, id, {
      onNews: (news) => this.#applyNews(id, news),
      onError: (error) => {
        if (isUnauthorized(error)) this.refuse(error);
        // A job that is gone is gone from the list, too.
        else this.refresh();
      },
    });
    this.#events.set(id, eventsOf);
    return eventsOf;
  }

  /** The job that is looked at is followed before all others. */
  select(id: string | undefined): void {
    this.#selected = id;
    this.#follow();
    if (id !== undefined && this.state.jobs && !this.#knows(id)) this.refresh();
  }

  /** Puts a job's newest state into the list. */
  update(job: Job): void {
    const jobs = this.state.jobs ?? [];
    const isKnown = jobs.some(({ job_id }) => job_id === job.job_id);
    this.set({ jobs: isKnown ? jobs.map((one) => (one.job_id === job.job_id ? job : one)) : [job, ...jobs] });
    this.#follow();
  }

  /** Asks which models there are now. */
  async refreshModels(): Promise<void> {
    this.set({ models: await this.session.client.models() });
  }

  async #poll(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#ask(signal);
      if (signal.aborted) return;
      await sleep(this.#pause(), signal, (wake) => {
        this.#wake = wake;
      });
    }
  }

  #pause(): number {
    if (document.hidden) return PAUSES.hidden;
    if (this.state.error) return PAUSES.away;
    return this.state.jobs?.some(({ status }) => !isEnd(status)) ? PAUSES.busy : PAUSES.idle;
  }

  async #ask(signal: AbortSignal): Promise<void> {
    try {
      const jobs = await this.#withSelected(await this.session.prompt.jobs({ limit: MOST_JOBS }, { signal }), signal);
      if (this.state.error) for (const eventsOf of this.#events.values()) eventsOf.retry();
      this.set({ jobs, error: undefined });
      this.#follow();
      // What has ended has left a model, or lost one.
      const ended = jobs.filter(({ status }) => isEnd(status)).map(({ job_id, ended_at }) => `${job_id} ${ended_at}`);
      if (ended.join() !== this.#modelsAfter) {
        this.set({ models: await this.session.prompt.models({ signal }) });
        this.#modelsAfter = ended.join();
      }
    } catch (error) {
      if (signal.aborted) return;
      if (isUnauthorized(error)) return this.refuse(error);
      const since = this.state.error?.since ?? new Date();
      const advice = isTransient(error)
        ? ' What is shown is from before; the page goes on by itself when it is back.'
        : '';
      this.set({ error: { message: messageOf(error, this.session) + advice, since } });
    }
  }

  /** Jobs that are linked to may be too old for the list. */
  async #withSelected(jobs: readonly Job[], signal: AbortSignal): Promise<readonly Job[]> {
    const id = this.#selected;
    if (id === undefined || jobs.some(({ job_id }) => job_id === id)) return jobs;
    try {
      return [...jobs, await this.session.prompt.job(id, { signal })];
    } catch (error) {
      if (!isNotFound(error)) throw error;
      this.set({ missing: id });
      return jobs;
    }
  }

  #knows(id: string): boolean {
    return this.state.jobs?.some(({ job_id }) => job_id === id) ?? false;
  }

  /** Events tell of the past first: what they say counts as far as it fits what the list said, else that is asked for. */
  #applyNews(id: string, { status, step }: Pick<Job, 'status' | 'step'>): void {
    const known = this.state.jobs?.find(({ job_id }) => job_id === id);
    if (known?.status !== status) this.refresh();
    else if (known.step < step) this.update({ ...known, step });
  }

  /** Follows the selected job and some that run, and no other. */
  #follow(): void {
    const { jobs = [] } = this.state;
    const running = jobs.filter(({ status }) => status === 'running').map(({ job_id }) => job_id);
    const selected = this.#selected;
    const wanted = [...new Set([...(selected !== undefined && this.#knows(selected) ? [selected] : []), ...running])];
    const chosen = new Set(wanted.slice(0, MOST_FOLLOWED));
    for (const [id, eventsOf] of this.#events) if (!chosen.has(id)) eventsOf.stop();
    for (const id of chosen) {
      const job = jobs.find(({ job_id }) => job_id === id);
      this.eventsOf(id).start(job !== undefined && !isEnd(job.status));
    }
  }

  /** The password is no longer accepted. */
  refuse(error: unknown): void {
    this.close();
    this.#onRefused(messageOf(error, this.session));
  }
}
