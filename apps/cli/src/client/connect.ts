// The server of an action, and the password for it.

import { LudicClient } from '@ludic/service/client';
import { UsageError } from '../failure.ts';
import { askSecrets } from '../serve/secret-input.ts';

export interface ConnectOptions {
  readonly baseUrl?: string;
  readonly password?: string;
  readonly allowHttp?: boolean;
  /** Seconds. */
  readonly timeout?: number;
}

/** Training and inference may have servers of their own. */
export type ServerPurpose = 'train' | 'infer';
export type Addresses = Readonly<Record<ServerPurpose, string>>;

/** Ends the command with exit code 130, as Ctrl-C does. */
export class GivenUp extends Error {}

const WORKSPACE = /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/i;

/** @param baseUrl an address, or the name of a Modal workspace with the two deployments of `deploy/modal` */
export function addressesOf(baseUrl: string | undefined): Addresses {
  if (baseUrl === undefined || baseUrl === '')
    throw new UsageError('--base-url is needed, or LUDIC_BASE_URL: the address of the server.');
  if (baseUrl === 'localhost') throw new UsageError('localhost alone is no address: write http://localhost:PORT.');
  if (!WORKSPACE.test(baseUrl)) return { train: baseUrl, infer: baseUrl };
  const deployed = (purpose: ServerPurpose) => `https://${baseUrl.toLowerCase()}--ludic-${purpose}-serve.modal.run`;
  return { train: deployed('train'), infer: deployed('infer') };
}

export function connect(address: string, options: ConnectOptions, password: string | undefined): LudicClient {
  return new LudicClient({
    baseUrl: address,
    password,
    allowHttp: options.allowHttp,
    timeoutMs: options.timeout && 1000 * options.timeout,
    // Clients that fail at the same moment should not retry at the same moment.
    seed: process.pid,
  });
}

/** The given password, or one that is typed without echo. */
export async function passwordFor(password: string | undefined, address: string): Promise<string> {
  if (password !== undefined && password !== '') return password;
  if (!process.stdin.isTTY || !process.stderr.isTTY)
    throw new UsageError('A password is needed: set LUDIC_PASSWORD, or give --password.');
  const answers = await askSecrets(process.stdin, process.stderr, [`Password for ${address}: `]);
  if (answers === undefined) throw new GivenUp();
  return answers[0]!;
}
