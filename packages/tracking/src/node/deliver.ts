// Sends to W&B, later, what a run could not send while it went on.

import { holdRun, RunFolder } from '@ludic/grpo/node';
import { TrackingError } from '../errors.ts';
import { readWandbAccount } from '../wandb/account.ts';
import { readTrackingSettings } from './files.ts';
import type { TrackerOptions } from './tracker.ts';
import { openWandbState, WandbStream } from './wandb-stream.ts';

export interface Delivery {
  /** Where the run can be seen. */
  readonly url: string;
  /** Steps that W&B holds now. */
  readonly steps: number;
}

export type DeliverOptions = Omit<TrackerOptions, 'settings'> & { readonly signal?: AbortSignal };

/** Failures in a row after which it is given up. */
const ATTEMPTS = 5;

/**
 * Brings W&B up to what the folder of a run holds, while no other process works on it. The last step of a run that was
 * killed is kept back: resumed, the run takes it again.
 * @throws TrackingError; GrpoError `no_run`, `run_busy`
 */
export const deliver = (options: DeliverOptions): Promise<Delivery> =>
  holdRun(options.run, 'resume', () => deliverAll(options));

async function deliverAll({ run, environment, surroundings, say, signal }: DeliverOptions): Promise<Delivery> {
  const { config } = await RunFolder.open(run);
  const { wandb: settings } = await readTrackingSettings(run);
  if (!settings) {
    throw new TrackingError(
      'not_tracked',
      `${run} has no W&B project. Name one when the run is started or resumed: --wandb-project NAME.`,
    );
  }
  const account = readWandbAccount(environment);
  const stream = new WandbStream(await openWandbState(run, surroundings), {
    run,
    config,
    settings,
    account,
    surroundings,
    say,
    attempts: ATTEMPTS,
    signal: signal ?? new AbortController().signal,
  });
  await stream.catchUp();
  if (stream.url === undefined) throw new TrackingError('unreachable', 'Stopped before W&B was reached.');
  return { url: stream.url, steps: stream.rows };
}
