// A rollout of an agent as an episode: what the agent asks is an observation, what the policy says is a step. So reward,
// credit, batch, loss, run and resume are those of games.

import type { Awaitable, Environment, ReplyMade, ResetOptions, Step } from '@ludic/environments';
import { isObject } from '@ludic/io';
import { stream } from '@ludic/random';
import type { AgentResult, AgentSettings } from './agent.ts';
import { type AskedRequest, type GivenReply, RequestRefused } from './asked.ts';

/** Where the agent of a rollout reaches the policy. */
export interface RolloutAddress {
  readonly baseURL: string;
  readonly apiKey: string;
  readonly rolloutId: string;
}

/** Gives rollouts their addresses, and their requests to them. */
export interface RolloutDesk {
  open(rollout: AgentRollout): Awaitable<RolloutAddress>;
  /** Its address leads nowhere from then on. */
  close(rollout: AgentRollout): void;
}

/** What all rollouts of an agent have in common. */
export type RolloutSettings = Required<Pick<AgentSettings, 'tasks' | 'evaluationTasks' | 'agent' | 'maxTurns'>>;

const OVER = 'This rollout is over: its agent has returned, or nothing waits for it any more.';
const WAITING: Step = { observation: '', reward: 0, terminated: false, truncated: false, info: { invalid: false } };

export class AgentRollout implements Environment {
  readonly #settings: RolloutSettings;
  readonly #desk: RolloutDesk;
  readonly #controller = new AbortController();
  #asked: AskedRequest[] = [];
  #turns = 0;
  #result: CheckedResult | undefined;
  #failure: unknown;
  #state: 'new' | 'running' | 'over' = 'new';
  /** Resolved when the agent asks, returns or throws. */
  #news = Promise.withResolvers<void>();

  constructor(settings: RolloutSettings, desk: RolloutDesk) {
    this.#settings = settings;
    this.#desk = desk;
  }

  /** @throws what the agent throws before it asks for anything */
  async reset(seed: number, { dynamicsSeed = seed, split = 'training' }: ResetOptions = {}): Promise<string> {
    if (this.#state !== 'new') throw new Error('A rollout of an agent is begun once.');
    this.#state = 'running';
    const { agent, evaluationTasks } = this.#settings;
    const tasks = split === 'evaluation' ? evaluationTasks : this.#settings.tasks;
    const task = tasks[stream(seed, 'task').nextInt(tasks.length)];
    const address = await this.#desk.open(this);
    const { signal } = this.#controller;
    void this.#run(async () => agent({ task, ...address, seed, dynamicsSeed, signal }));
    await this.#nextRequest();
    if (this.#asked.length === 0) throw new Error('the agent returned before it asked the policy for anything');
    return this.#observation();
  }

  async step(text: string, given?: ReplyMade): Promise<Step> {
    const [asked] = this.#asked;
    if (!asked) throw new Error('no request of the agent is open');
    this.#turns++;
    if (
      asked.reply({
        ...(given as GivenReply | undefined),
        text,
        finish: given?.finish === 'length' ? 'length' : 'stop',
      })
    )
      this.#asked.shift();
    if (this.#turns === this.#settings.maxTurns) {
      this.close();
      return { ...WAITING, truncated: true };
    }
    await this.#nextRequest();
    if (this.#asked.length > 0) return { ...WAITING, observation: this.#observation() };
    const { reward, success, metrics } = this.#result!;
    const info = { invalid: false, ...(success !== undefined && { success }), ...(metrics && { metrics }) };
    return { ...WAITING, reward, terminated: true, info };
  }

  /** What an agent asks. @throws RequestRefused where the rollout is over, or would have too many turns */
  ask(asked: AskedRequest): void {
    if (this.#state === 'over') throw new RequestRefused(410, 'rollout_over', OVER);
    const open = this.#asked.reduce((sum, { task }) => sum + task.choices, this.#turns);
    const { maxTurns } = this.#settings;
    if (open + asked.task.choices > maxTurns)
      throw new RequestRefused(429, 'rollout_turns', `A rollout has at most ${maxTurns} replies of the policy.`);
    this.#asked.push(asked);
    this.#tell();
  }

  /** Replies of the policy so far. */
  get turns(): number {
    return this.#turns;
  }

  get request(): object | undefined {
    return this.#asked[0]?.request;
  }

  /** With `turnRewards`, those of the turns; the reward of the whole comes to the last. */
  get finalRewards(): readonly number[] | undefined {
    const { turnRewards = [], reward = 0 } = this.#result ?? {};
    if (turnRewards.length === 0) return undefined;
    return Array.from({ length: this.#turns }, (_, turn) => {
      const own = turnRewards[turn] ?? 0;
      return turn === this.#turns - 1 ? own + reward : own;
    });
  }

  readonly state = undefined;
  readonly memory = '';

  close(): void {
    if (this.#state === 'over') return;
    this.#state = 'over';
    this.#desk.close(this);
    for (const asked of this.#asked.splice(0)) asked.refuse(new RequestRefused(410, 'rollout_over', OVER));
    this.#controller.abort(new Error(OVER));
  }

  async #run(work: () => Promise<number | AgentResult>): Promise<void> {
    try {
      this.#result = resultOf(await work());
    } catch (error) {
      this.#failure = error ?? new Error('the agent threw nothing');
    }
    // What it asked and did not wait for gets no reply.
    for (const asked of this.#asked.splice(0)) asked.refuse(new RequestRefused(410, 'rollout_over', OVER));
    this.#tell();
  }

  #tell(): void {
    this.#news.resolve();
  }

  /** Waits until a request is open, or the agent has returned. @throws what it threw */
  async #nextRequest(): Promise<void> {
    while (this.#asked.length === 0 && !this.#result && this.#failure === undefined) {
      await this.#news.promise;
      this.#news = Promise.withResolvers();
    }
    if (this.#failure !== undefined) throw this.#failure;
  }

  #observation(): string {
    return this.#asked[0]!.task.messages.at(-1)!.content;
  }
}

type CheckedResult = AgentResult & Required<Pick<AgentResult, 'reward' | 'turnRewards'>>;

/** Its metrics are checked as those of any step. @throws Error for a result that is none */
function resultOf(given: unknown): CheckedResult {
  if (Number.isFinite(given)) return { reward: given as number, turnRewards: [] };
  if (isObject(given) && (given.reward !== undefined || given.turnRewards !== undefined)) {
    const { reward = 0, turnRewards = [] } = given;
    if (Number.isFinite(reward) && Array.isArray(turnRewards) && turnRewards.every(Number.isFinite))
      return { ...(given as AgentResult), reward: reward as number, turnRewards };
  }
  throw new Error('the agent must return its reward, a finite number, or an object with reward or turnRewards');
}
