// What can go wrong between machines.

import { LudicError } from '@ludic/io';

/**
 * Why a run and its workers could not meet.
 * - bad_url: the address of the NATS server cannot be used
 * - nats_unreachable: no server answers there, or it refuses the credentials
 * - nats_refused: the server refuses what is asked of it: no JetStream, no right, no room
 */
export type ClusterErrorCode = 'bad_url' | 'nats_unreachable' | 'nats_refused';

/** A failure between machines. The message is a sentence that says what to do next. */
export class ClusterError extends LudicError<ClusterErrorCode> {
  override readonly name = 'ClusterError';
}
