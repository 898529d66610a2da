// --nats: the server through which a run and its workers meet. Who asks is said by the variables that NATS's own command line
// knows, so that no password is in the list of processes.

import type { NatsOptions } from '@ludic/cluster/node';
import { Option } from 'commander';

export const natsOption = (description: string): Option => new Option('--nats <url>', description);

export const NATS_VARIABLES = `
Credentials are read from the environment, as NATS's own command line reads them: NATS_USER and NATS_PASSWORD, NATS_TOKEN,
NATS_CREDS (a creds file), NATS_CA, NATS_CERT and NATS_KEY (TLS). docs/cluster.md has the rest.
`;

/** The library is loaded only where it is asked for. */
export async function natsOf(url: string): Promise<NatsOptions> {
  const { natsOptions } = await import('@ludic/cluster/node');
  return natsOptions(url, process.env);
}
