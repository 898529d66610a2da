// Agents of this process. Their gateway listens on the loopback from the first rollout on, and keeps no program running.

import type { AddressInfo } from 'node:net';
import { createAdaptorServer } from '@hono/node-server';
import type { EnvironmentDefinition } from '@ludic/environments';
import type { AgentSettings } from '../agent.ts';
import { agentEnvironment } from '../define-agent.ts';
import { RolloutGateway } from '../gateway.ts';
import { secrets } from './secrets.ts';

let origin: Promise<string> | undefined;
const gateway = new RolloutGateway(() => (origin ??= listen()), secrets);

function listen(): Promise<string> {
  const server = createAdaptorServer({ fetch: gateway.fetch });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      server.unref();
      resolve(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    });
  });
}

/**
 * An agent that learns, as the default export of a file for `--env` and `--agent`, or for `registerEnvironment`.
 * @throws RangeError without a task
 */
export const defineAgent = <Task>(settings: AgentSettings<Task>): EnvironmentDefinition =>
  agentEnvironment(settings, gateway);
