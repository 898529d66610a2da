// Agents of other programs in this process: an environment whose rollouts are handed out, and what their agents ask.

import type { EnvironmentDefinition } from '@ludic/environments';
import type { AgentSettings } from '../agent.ts';
import { ATTEMPTS, agentEnvironment } from '../define-agent.ts';
import { RolloutGateway } from '../gateway.ts';
import { type LeaseClock, LeaseDesk, type LeasedRollout } from '../lease-desk.ts';
import { secrets } from './secrets.ts';

/** The work of agents of other programs. */
interface LeasedAgentSettings extends Omit<AgentSettings, 'agent' | 'attempts' | 'lockstep'> {
  /** Seconds without a request after which a rollout is given up. */
  readonly leaseSeconds: number;
}

/** Seconds after which a rollout is given up, however much is heard of its agent. */
const LONGEST_LEASE = 3600;

/** Agents of other programs: their environment, the rollouts that are handed out, and where their requests go. */
export class LeasedAgents {
  readonly environment: EnvironmentDefinition;
  readonly #desk: LeaseDesk;
  readonly #gateway: RolloutGateway;

  /** @throws RangeError without a task */
  constructor({ leaseSeconds, ...settings }: LeasedAgentSettings, clock: LeaseClock) {
    const times = { idleMs: 1000 * leaseSeconds, longestMs: 1000 * Math.max(LONGEST_LEASE, leaseSeconds) };
    this.#desk = new LeaseDesk(times, ATTEMPTS, clock);
    // What hands a rollout out knows under which address it is reached.
    this.#gateway = new RolloutGateway(async () => '', secrets, this.#desk);
    this.environment = agentEnvironment({ ...settings, agent: this.#desk.agent }, this.#gateway);
  }

  /** A request to `/rollouts/ID/v1/…`, `/rollouts/ID/reward` or `/rollouts/ID/finish`. */
  readonly fetch = (request: Request): Response | Promise<Response> => this.#gateway.fetch(request);

  /**
   * The rollout that has waited longest.
   * @returns undefined where there was none for so long
   */
  next(waitMs: number, signal?: AbortSignal): Promise<LeasedRollout | undefined> {
    return this.#desk.take(waitMs, signal);
  }

  /** Nothing is handed out any more; what is out has failed. */
  close(): void {
    this.#desk.close();
  }
}
