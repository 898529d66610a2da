// Rollouts for agents of other programs: each waits here until an agent takes it, is leased to that one, and is given up
// when nothing is heard of the agent any more. What is given up has failed, so that the environment begins it anew.

import type { Agent, AgentContext, AgentResult } from './agent.ts';

/** Time, given from outside. */
export interface LeaseClock {
  /** Milliseconds since any moment. */
  readonly now: () => number;
  /** @returns forgets it */
  readonly after: (ms: number, act: () => void) => () => void;
}

export interface LeaseTimes {
  /** Milliseconds without a request after which a rollout is given up. */
  readonly idleMs: number;
  /** Milliseconds after which it is given up in any case. */
  readonly longestMs: number;
}

/** A rollout that an agent has taken. */
export interface LeasedRollout {
  readonly context: AgentContext;
  /** How often it has been begun, this time included. */
  readonly attempt: number;
  /** On the clock of the desk; each request of the agent prolongs it. */
  readonly expiresAt: number;
}

/** A reward that an agent reports. */
export interface ReportedReward {
  /** Named by the agent: one that comes again does not count again. */
  readonly id: string;
  readonly reward: number;
  /** The reply that earned it, from 0. Default: the whole rollout. */
  readonly turn?: number | undefined;
  readonly metrics?: Readonly<Record<string, number>> | undefined;
}

/** Rewards of one rollout. */
const MOST_REWARDS = 10_000;

interface Lease {
  readonly context: AgentContext;
  readonly settle: PromiseWithResolvers<AgentResult>;
  state: 'waiting' | 'leased' | 'over';
  /** Requests that wait for an answer of the policy: their agent is not idle. */
  held: number;
  idleAt: number;
  lastAt: number;
  forget: () => void;
  readonly rewards: Set<string>;
  /** Id of the request that ended it. */
  finishedBy: string | undefined;
  reward: number;
  readonly turnRewards: number[];
  metrics: Readonly<Record<string, number>>;
}

export class LeaseDesk {
  readonly #times: LeaseTimes;
  readonly #clock: LeaseClock;
  readonly #leases = new Map<string, Lease>();
  #waiting: Lease[] = [];
  readonly #takers = new Set<(lease: Lease | undefined) => void>();
  /** Failures of rollouts that are begun anew, by their seeds. */
  readonly #failures = new Map<string, number>();
  readonly #attempts: number;
  #isClosed = false;

  /** @param attempts of the environment, after which a rollout that failed is not begun anew */
  constructor(times: LeaseTimes, attempts: number, clock: LeaseClock) {
    this.#times = times;
    this.#attempts = attempts;
    this.#clock = clock;
  }

  /** The agent of the environment: it does what an agent elsewhere does. */
  readonly agent: Agent = (context) => {
    if (this.#isClosed) return Promise.reject(new Error('no more rollouts are handed out'));
    const lease: Lease = {
      context,
      settle: Promise.withResolvers(),
      state: 'waiting',
      held: 0,
      idleAt: 0,
      lastAt: 0,
      forget: () => {},
      rewards: new Set(),
      finishedBy: undefined,
      reward: 0,
      turnRewards: [],
      metrics: {},
    };
    this.#leases.set(context.rolloutId, lease);
    context.signal.addEventListener('abort', () => {
      this.#leases.delete(context.rolloutId);
      if (lease.state === 'over') return;
      this.#failures.delete(nameOf(lease));
      this.#end(lease);
      lease.settle.reject(context.signal.reason);
    });
    const [taker] = this.#takers;
    if (taker) taker(lease);
    else this.#waiting.push(lease);
    return lease.settle.promise;
  };

  /**
   * Leases the rollout that has waited longest.
   * @param waitMs how long to wait where there is none
   * @returns undefined where none came
   */
  async take(waitMs: number, signal?: AbortSignal): Promise<LeasedRollout | undefined> {
    const lease = this.#waiting.shift() ?? (await this.#nextLease(waitMs, signal));
    if (!lease || lease.state === 'over') return undefined;
    const now = this.#clock.now();
    lease.state = 'leased';
    lease.lastAt = now + this.#times.longestMs;
    this.#prolong(lease);
    const attempt = 1 + (this.#failures.get(nameOf(lease)) ?? 0);
    return { context: lease.context, attempt, expiresAt: lease.idleAt };
  }

  /** A request of the agent begins that may take long. @returns ends it; undefined where the lease is over */
  hold(rolloutId: string): (() => void) | undefined {
    const lease = this.#leased(rolloutId);
    if (!lease) return undefined;
    lease.held++;
    this.#prolong(lease);
    return () => {
      lease.held--;
      if (lease.state === 'leased') this.#prolong(lease);
    };
  }

  /** @returns what became of it: a repeated one does not count; too many are refused */
  reward(
    rolloutId: string,
    { id, reward, turn, metrics }: ReportedReward,
  ): 'counted' | 'repeated' | 'over' | 'too_many' {
    const lease = this.#leases.get(rolloutId);
    if (lease?.rewards.has(id)) return 'repeated';
    if (lease?.state !== 'leased') return 'over';
    if (lease.rewards.size === MOST_REWARDS) return 'too_many';
    lease.rewards.add(id);
    if (turn === undefined) lease.reward += reward;
    else {
      while (lease.turnRewards.length <= turn) lease.turnRewards.push(0);
      lease.turnRewards[turn]! += reward;
    }
    lease.metrics = { ...lease.metrics, ...metrics };
    this.#prolong(lease);
    return 'counted';
  }

  /** @param failure why the rollout has failed; it counts where there is none */
  finish(rolloutId: string, id: string, failure?: string): 'finished' | 'repeated' | 'over' {
    const lease = this.#leases.get(rolloutId);
    if (lease?.finishedBy === id) return 'repeated';
    if (lease?.state !== 'leased') return 'over';
    lease.finishedBy = id;
    if (failure !== undefined) {
      this.#fail(lease, failure);
      return 'finished';
    }
    this.#failures.delete(nameOf(lease));
    this.#end(lease);
    const { reward, turnRewards, metrics } = lease;
    lease.settle.resolve({ reward, turnRewards, metrics });
    return 'finished';
  }

  /** Nothing is handed out any more, and what is leased or waits has failed. */
  close(): void {
    this.#isClosed = true;
    for (const taker of this.#takers) taker(undefined);
    for (const lease of this.#leases.values())
      if (lease.state !== 'over') this.#fail(lease, 'no more rollouts are handed out');
  }

  #leased(rolloutId: string): Lease | undefined {
    const lease = this.#leases.get(rolloutId);
    return lease?.state === 'leased' ? lease : undefined;
  }

  #nextLease(waitMs: number, signal: AbortSignal | undefined): Promise<Lease | undefined> {
    if (this.#isClosed || waitMs <= 0 || signal?.aborted) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      const taker = (lease: Lease | undefined) => {
        this.#takers.delete(taker);
        forget();
        signal?.removeEventListener('abort', giveUp);
        // From now on no other agent gets it.
        if (lease) lease.state = 'leased';
        resolve(lease);
      };
      const giveUp = () => taker(undefined);
      const forget = this.#clock.after(waitMs, giveUp);
      signal?.addEventListener('abort', giveUp);
      this.#takers.add(taker);
    });
  }

  #prolong(lease: Lease): void {
    if (lease.state !== 'leased') return;
    const now = this.#clock.now();
    lease.idleAt = Math.min(now + this.#times.idleMs, lease.lastAt);
    lease.forget();
    const until = lease.held > 0 ? lease.lastAt : lease.idleAt;
    lease.forget = this.#clock.after(until - now, () =>
      this.#fail(lease, until === lease.lastAt ? 'its agent took too long' : 'nothing was heard of its agent any more'),
    );
  }

  #fail(lease: Lease, reason: string): void {
    const name = nameOf(lease);
    const failures = 1 + (this.#failures.get(name) ?? 0);
    if (failures < this.#attempts) this.#failures.set(name, failures);
    else this.#failures.delete(name);
    this.#end(lease);
    lease.settle.reject(new Error(reason));
  }

  #end(lease: Lease): void {
    lease.state = 'over';
    lease.forget();
    this.#waiting = this.#waiting.filter((one) => one !== lease);
  }
}

/** The same whenever it is begun anew. */
const nameOf = ({ context: { seed, dynamicsSeed } }: Lease): string => `${seed}/${dynamicsSeed}`;
