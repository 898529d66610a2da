// Sends to W&B what a run could not send while it trained.

import { holdRun, RunFolder } from '@ludic/grpo/node';
import { TrackingError } from '../errors.ts';
import { readWandbAccount } from '../wandb/account.ts';
import { readTrackingSettings } from './files.ts';
import type { TrackerOptions } from './tracker.ts';
import { openWandbState, WandbStream } from './wandb-stream.ts';

/** What W&B has after a delivery. */
export interface Delivery {
  /** The page of the run. */
  readonly url: string;
  /** Steps that W&B holds now. */
  readonly steps: number;
}

/** Options of `deliver`; the signal ends it at once. */
export type DeliverOptions = Omit<TrackerOptions, 'settings'> & { readonly signal?: AbortSignal };

/** Failures in a row after which the delivery gives up. */
const ATTEMPTS = 5;

/**
 * Sends the rows that W&B lacks, while no other process works on the run. The last step of a killed run is kept back,
 * because the run repeats it when it is resumed.
 * @throws TrackingError; GrpoError `no_run`, `run_busy`
 */
export const deliver = (options: DeliverOptions): Promise<Delivery> =>
  holdRun(options.run, 'resume', () => deliverAll(options));

async function deliverAll({ run, environment, clock, say, signal }: DeliverOptions): Promise<Delivery> {
  const { config } = await RunFolder.open(run);
  const { wandb: settings } = await readTrackingSettings(run);
  if (!settings) {
    throw new TrackingError(
      'not_tracked',
      `${run} has no W&B project. Name one when the run is started or resumed: --wandb-project NAME.`,
    );
  }
  const account = readWandbAccount(environment);
  const stream = new WandbStream(await openWandbState(run, clock), {
    run,
    config,
    settings,
    account,
    clock,
    say,
    attempts: ATTEMPTS,
    signal: signal ?? new AbortController().signal,
  });
  await stream.catchUp();
  if (stream.url === undefined) throw new TrackingError('unreachable', 'Stopped before W&B was reached.');
  return { url: stream.url, steps: stream.rows };
}
