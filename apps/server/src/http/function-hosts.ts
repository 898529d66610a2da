// Clients of services that give each function a host of its own, such as https://NAME-start-training.modal.run, ask them at
// `/`. Under such a name this address means the endpoint.

import { ENDPOINTS } from '@ludic/service';

const PATHS = [ENDPOINTS.health, ENDPOINTS.startTraining, ENDPOINTS.evaluatePolicy, ENDPOINTS.generateRollout].map(
  ({ path }) => path,
);

interface FunctionHost {
  /** Path of the endpoint. */
  readonly path: string;
  /** The name without its function: `ludic.example.org` of `ludic-start-training.example.org`. */
  readonly base: string;
}

/** What the name of a host says of a function; undefined where it names none. */
export function functionHost(host: string): FunctionHost | undefined {
  const [label = '', ...rest] = host.split('.');
  const path = PATHS.find((each) => label.endsWith(each.replace('/', '-')));
  if (path === undefined || label.length === path.length) return undefined;
  return { path, base: [label.slice(0, -path.length), ...rest].join('.') };
}

/** The name that a request calls the server by. */
export const hostOf = (url: string) => new URL(url).hostname.replace(/\.$/, '');
