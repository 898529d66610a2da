// Sends a run's rows to W&B, one request at a time, each with rows of metrics.jsonl that have not arrived. Rows that cannot
// be sent stay in the file, so nothing is buffered and nothing is lost; the run's folder keeps how many have arrived. A row
// that is sent twice takes the same line of W&B's history.

import { basename, resolve } from 'node:path';
import type { RunConfig } from '@ludic/grpo/node';
import { pauseAfter, type RetryPolicy, TransientError } from '@ludic/io';
import type { Clock } from '../clock.ts';
import { TrackingError } from '../errors.ts';
import type { Row } from '../rows.ts';
import type { Scalars } from '../scalars.ts';
import type { WandbSettings } from '../settings.ts';
import type { WandbAccount } from '../wandb/account.ts';
import { type OpenedRun, type StreamUpdate, WandbClient } from '../wandb/client.ts';
import { historyLine, mergedConfig, newRunName, summaryLine, wandbConfig } from '../wandb/content.ts';
import { placeAfter } from '../wandb/place.ts';
import { EXIT_CODES, type RunEnd, readWandbState, type WandbState, writeWandbState } from './files.ts';
import { MetricsFollower } from './follower.ts';

/** Most rows of a request: about a hundred kilobytes. */
const ROWS = 100;
/** Milliseconds between two reads of the file during a run, and of silence before an empty update. */
const INTERVAL = 5000;
const HEARTBEAT = 30_000;
const RETRY: Omit<RetryPolicy, 'attempts'> = { firstPause: 2000, longestPause: 60_000, longestWait: 600_000 };

export interface WandbStreamOptions {
  /** The folder of the run. */
  readonly run: string;
  readonly config: RunConfig;
  readonly settings: WandbSettings;
  readonly account: WandbAccount;
  readonly clock: Clock;
  /** Prints a sentence for people. */
  readonly say: (line: string) => void;
  /** Failures in a row after which the stream gives up (default: never). */
  readonly attempts?: number;
  /** Stops everything at once. */
  readonly signal: AbortSignal;
}

/** The state of the run at W&B; a new one for a run without. */
export async function openWandbState(run: string, { now, random }: Clock): Promise<WandbState> {
  const known = await readWandbState(run);
  if (known) return known;
  const state: WandbState = { formatVersion: 1, run: newRunName(random), startedAt: Math.floor(now() / 1000), rows: 0 };
  await writeWandbState(run, state);
  return state;
}

export class WandbStream {
  readonly #options: WandbStreamOptions;
  readonly #client: WandbClient;
  readonly #follower: MetricsFollower;
  #state: WandbState;
  #saving: Promise<void> = Promise.resolve();
  #opened: OpenedRun | undefined;
  #latest: Scalars = {};
  readonly #ending = new AbortController();

  constructor(state: WandbState, options: WandbStreamOptions) {
    this.#state = state;
    this.#options = options;
    this.#client = new WandbClient(options.account);
    this.#follower = new MetricsFollower(options.run);
  }

  get rows(): number {
    return this.#state.rows;
  }

  get url(): string | undefined {
    return this.#opened?.url;
  }

  /** The run has ended: ends the present pause and delivers the rest without further pauses. */
  async end(how: RunEnd): Promise<void> {
    this.#state = { ...this.#state, ended: how };
    this.#ending.abort();
    await this.#save();
  }

  /**
   * Delivers while the run goes on, and then how it ended.
   * @throws TrackingError where W&B refuses
   */
  async follow(): Promise<void> {
    await this.#open();
    let silence = 0;
    while (!this.#options.signal.aborted) {
      // Asked before reading, because rows may be written between the last read and the end.
      const { ended } = this.#state;
      if (await this.#deliverRows(ended)) silence = 0;
      else if (ended) return this.#tellEnd(ended);
      else silence += INTERVAL;
      if (silence >= HEARTBEAT) {
        await this.#send({});
        silence = 0;
      }
      if (!this.#state.ended) await this.#pause(INTERVAL);
    }
  }

  /**
   * Delivers what is in the folder now.
   * @throws TrackingError where W&B refuses or the attempts are used up
   */
  async catchUp(): Promise<void> {
    await this.#open();
    const { ended } = this.#state;
    while (await this.#deliverRows(ended));
    if (ended) await this.#tellEnd(ended);
  }

  async #open(): Promise<void> {
    const { settings, account, say } = this.#options;
    const entity =
      settings.entity ?? account.entity ?? (await this.#persist((signal) => this.#client.defaultEntity(signal)));
    if (entity === undefined) return;
    const opened = await this.#openIn(entity).catch(async (error: unknown) => {
      if (!(error instanceof TrackingError && error.code === 'deleted')) throw error;
      const name = newRunName(this.#options.clock.random);
      say(`The run ${this.#state.run} was deleted at W&B. It is sent as a new run, ${name}.`);
      const { lines: _, sending: __, ...state } = this.#state;
      await this.#change({ ...state, run: name, rows: 0 });
      return this.#openIn(entity);
    });
    if (!opened) return;
    this.#opened = opened;
    // A run that W&B no longer has is sent again from the beginning.
    const known = opened.isNew ? { rows: 0, lines: 0 } : placeAfter(this.#state, opened.historyLines);
    const { sending: _, ...state } = this.#state;
    await this.#change({ ...state, ...known });
    say(`Tracked at ${opened.url}`);
  }

  /** Opens the run. A name and a config that were changed at W&B stay. */
  async #openIn(entity: string): Promise<OpenedRun | undefined> {
    const { run, config, settings } = this.#options;
    const ours = wandbConfig(config);
    const address = { name: this.#state.run, project: settings.project, entity };
    const found = await this.#persist(async (signal) => ({ config: await this.#client.configOf(address, signal) }));
    if (!found) return undefined;
    const definition = found.config
      ? { ...address, displayName: null, config: mergedConfig(found.config, ours) }
      : { ...address, displayName: basename(resolve(run)), config: ours };
    return this.#persist((signal) => this.#client.openRun(definition, signal));
  }

  /** @returns whether there were any that had not arrived */
  async #deliverRows(ended: RunEnd | undefined): Promise<boolean> {
    const { startedAt } = this.#state;
    for (;;) {
      // A failed run may repeat its last step when it is resumed, with an evaluation.
      const rows = await this.#follower.next(ROWS, ended !== undefined && ended !== 'failed');
      for (const { values } of rows) this.#latest = { ...this.#latest, ...values };
      const last = rows.at(-1);
      if (!last) return false;
      const fresh = rows.filter(({ index }) => index >= this.#state.rows);
      if (fresh.length === 0) continue;
      const { lines: offset = this.#state.rows } = this.#state;
      await this.#change({ ...this.#state, sending: fresh.length });
      const arrived = await this.#send({
        history: { offset, lines: fresh.map((row: Row) => historyLine(row, startedAt)) },
        summary: summaryLine(this.#latest, last, startedAt),
      });
      if (!arrived) return false;
      const { sending: _, ...state } = this.#state;
      await this.#change({ ...state, rows: last.index + 1, lines: offset + fresh.length });
      return true;
    }
  }

  async #tellEnd(how: RunEnd): Promise<void> {
    await this.#send({ exitCode: EXIT_CODES[how] });
  }

  /** @returns false only where the signal was aborted */
  async #send(update: StreamUpdate): Promise<boolean> {
    const opened = this.#opened;
    if (!opened) return false;
    if (this.#client.rest > 0) await this.#pause(this.#client.rest);
    return (await this.#persist((signal) => this.#client.stream(opened, update, signal).then(() => true))) ?? false;
  }

  /** @returns undefined where the signal was aborted */
  async #persist<T>(attempt: (signal: AbortSignal) => Promise<T>): Promise<T | undefined> {
    const { signal, say, attempts = Number.POSITIVE_INFINITY, clock } = this.#options;
    for (let failures = 0; !signal.aborted; ) {
      try {
        const result = await attempt(signal);
        if (failures > 0) say('W&B answers again.');
        return result;
      } catch (error) {
        if (signal.aborted) return undefined;
        if (!(error instanceof TransientError)) throw error;
        failures++;
        if (failures >= attempts) throw error.failure;
        if (failures === 1)
          say(`${error.message} What it misses is kept in the run's folder and sent when it answers.`);
        const { ended } = this.#state;
        await this.#pause(pauseAfter(RETRY, failures, error.wait, clock.random()));
        // At the end there is little time, so the pauses begin small again.
        if (this.#state.ended !== ended) failures = 1;
      }
    }
    return undefined;
  }

  async #pause(milliseconds: number): Promise<void> {
    const { signal, clock } = this.#options;
    const alarm = this.#state.ended ? signal : AbortSignal.any([this.#ending.signal, signal]);
    await clock.sleep(milliseconds, alarm);
  }

  #change(state: WandbState): Promise<void> {
    this.#state = state;
    return this.#save();
  }

  #save(): Promise<void> {
    this.#saving = this.#saving
      .catch(() => {})
      .then(() => writeWandbState(this.#options.run, this.#state))
      .catch((error: Error) => {
        throw new TrackingError('bad_folder', `How far W&B was told cannot be kept: ${error.message}`, {
          cause: error,
        });
      });
    return this.#saving;
  }
}
