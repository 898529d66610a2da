// Sends a run to its trackers while it trains. It follows the run's folder; training only reports that it has begun, has
// taken a step and has ended. A failure here neither stops the run nor delays it.

import { hostname } from 'node:os';
import type { RunEvent } from '@ludic/grpo/node';
import { RunFolder } from '@ludic/grpo/node';
import type { Clock } from '../clock.ts';
import { checkTrackingSettings, type TrackingSettings } from '../settings.ts';
import { readWandbAccount, whyNotOnline } from '../wandb/account.ts';
import { type RunEnd, type WandbState, writeTrackingSettings, writeWandbState } from './files.ts';
import { MetricsFollower } from './follower.ts';
import { TensorBoardLog } from './tensorboard-log.ts';
import { openWandbState, WandbStream } from './wandb-stream.ts';

/** What a tracker needs of its process. */
export interface TrackerOptions {
  /** The folder of the run; it may be made later, when the run begins. */
  readonly run: string;
  readonly settings: TrackingSettings;
  /** Variables of the process: WANDB_API_KEY, WANDB_BASE_URL, WANDB_ENTITY, WANDB_MODE. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  /** Prints a sentence for people. */
  readonly say: (line: string) => void;
}

/** Milliseconds that a run waits at its end for rows that have not arrived. */
const LAST_WAIT = 15_000;

/** Why a run is not sent to W&B, as a sentence; undefined where it is. */
export function whyNotTracked(
  settings: TrackingSettings,
  environment: TrackerOptions['environment'],
): string | undefined {
  if (!settings.wandb) return undefined;
  const unsent = (reason: string) => `The run will not be tracked at W&B: ${reason}`;
  const offline = whyNotOnline(environment);
  if (offline !== undefined) return unsent(offline);
  try {
    readWandbAccount(environment);
    return undefined;
  } catch (error) {
    return unsent((error as Error).message);
  }
}

/** Sends the rows of a run to its trackers. Give it the events of the run, then `end`. */
export class RunTracker {
  readonly #options: TrackerOptions;
  readonly #stop = new AbortController();
  /** The queue of file work; it never rejects. */
  #work: Promise<void> = Promise.resolve();
  #started = false;
  #wandb: { readonly stream: WandbStream; readonly followed: Promise<void> } | undefined;
  #tensorboard: TensorBoardLog | undefined;
  #tensorboardWaits = false;
  #broken = false;
  /** Without a key: the state for a later `deliver`. */
  #untold: WandbState | undefined;

  /** @throws TrackingError `bad_setting` */
  constructor(options: TrackerOptions) {
    checkTrackingSettings(options.settings);
    this.#options = options;
  }

  /** Takes the events of the run. */
  on(event: RunEvent): void {
    if (event.type === 'start') {
      this.#started = true;
      this.#do(() => writeTrackingSettings(this.#options.run, this.#options.settings));
      this.#do(() => this.#beginTensorBoard(event.step));
      this.#do(() => this.#beginWandb());
    } else if (event.type === 'step' || event.type === 'evaluation') this.#wakeTensorBoard();
  }

  /**
   * Delivers what is left, for so many milliseconds at most. Never fails; what could not be delivered is said.
   */
  async end(how: RunEnd, patience = LAST_WAIT): Promise<void> {
    if (!this.#started) return;
    this.#do(() => this.#updateTensorBoard(how !== 'failed'));
    this.#do(async () => this.#untold && writeWandbState(this.#options.run, { ...this.#untold, ended: how }));
    await this.#work;
    if (!this.#wandb) return;
    const { stream, followed } = this.#wandb;
    const { run, say, clock } = this.#options;
    await stream.end(how).catch((error: Error) => say(error.message));
    const arrived = new AbortController();
    const ended = followed.finally(() => arrived.abort());
    await Promise.race([ended, clock.sleep(patience, arrived.signal)]);
    if (arrived.signal.aborted && !this.#broken) return;
    this.#stop.abort();
    await ended;
    const left = (await countRows(run).catch(() => 0)) - stream.rows;
    const what = left > 0 ? `${left} ${left === 1 ? 'step has' : 'steps have'}` : 'The end of the run has';
    say(`${what} not reached W&B. Nothing is lost: send it later with npm run ludic -- sync ${run}`);
  }

  async #beginTensorBoard(after: number): Promise<void> {
    const { run, settings, clock } = this.#options;
    if (!settings.tensorboard) return;
    this.#tensorboard = await TensorBoardLog.open({ run, after, now: clock.now, host: hostname() });
  }

  async #beginWandb(): Promise<void> {
    const { run, settings, environment, clock, say } = this.#options;
    if (!settings.wandb) return;
    const { ended: _, ...state } = await openWandbState(run, clock);
    await writeWandbState(run, state);
    const why = whyNotTracked(settings, environment);
    if (why !== undefined) {
      this.#untold = state;
      say(`${why} Its numbers are kept, and can be sent later with npm run ludic -- sync ${run}`);
      return;
    }
    const { config } = await RunFolder.open(run);
    const account = readWandbAccount(environment);
    const { signal } = this.#stop;
    const options = { run, config, settings: settings.wandb, account, clock, say, signal };
    const stream = new WandbStream(state, options);
    const followed = stream.follow().catch((error: Error) => {
      this.#broken = true;
      say(`The run is no longer tracked at W&B: ${error.message}`);
    });
    this.#wandb = { stream, followed };
  }

  #wakeTensorBoard(): void {
    // Steps may be faster than the disk: one waiting read is enough.
    if (!this.#options.settings.tensorboard || this.#tensorboardWaits) return;
    this.#tensorboardWaits = true;
    this.#do(async () => {
      this.#tensorboardWaits = false;
      await this.#updateTensorBoard(false);
    });
  }

  async #updateTensorBoard(ended: boolean): Promise<void> {
    const log = this.#tensorboard;
    // After a failed write, such as on a full disk, a later row would leave a gap: the log ends.
    this.#tensorboard = undefined;
    await log?.update(ended);
    this.#tensorboard = log;
  }

  #do(task: () => Promise<unknown>): void {
    this.#work = this.#work
      .then(task)
      .then(() => {})
      .catch((error: Error) => {
        this.#options.say(`The run is not tracked as it should be: ${error.message}`);
      });
  }
}

async function countRows(run: string): Promise<number> {
  const follower = new MetricsFollower(run);
  for (let count = 0; ; ) {
    const rows = await follower.next(1000, true);
    if (rows.length === 0) return count;
    count += rows.length;
  }
}
