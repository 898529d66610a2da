// The rollouts of agents of other programs, in the process of their training: handed out, and answered.

import type { LeaseClock } from '@ludic/agents';
import { LeasedAgents } from '@ludic/agents/node';
import { limitAnswers, registerEnvironment } from '@ludic/environments';
import type { Handlers } from '@ludic/io';
import { AGENT, readTasks } from '../agent-tasks.ts';
import { jobPlaces } from '../places.ts';
import type { LentRollout, RolloutAnswer, RolloutCalls, RolloutRequestMessage } from './messages.ts';

/** Milliseconds since 1970, whatever happens to the clock of the machine meanwhile. */
const clock: LeaseClock = {
  now: () => performance.timeOrigin + performance.now(),
  after: (ms, act) => {
    const timer = setTimeout(act, ms);
    return () => clearTimeout(timer);
  },
};

/** @param signal aborted when the training is to end */
export function beginAgents(dataFolder: string, id: string, signal: AbortSignal): Handlers<RolloutCalls> {
  const agents = new LeasedAgents({ id: AGENT, title: 'Your agent', ...readTasks(jobPlaces(dataFolder, id)) }, clock);
  registerEnvironment(agents.environment as never);
  // How long an agent may be away is for its lease to say.
  limitAnswers(0);
  if (signal.aborted) agents.close();
  signal.addEventListener('abort', () => agents.close());
  return {
    next: ({ waitMs }, answering) => lend(agents, waitMs, answering.signal),
    agent: (request) => ask(agents, request),
  };
}

async function lend(agents: LeasedAgents, waitMs: number, signal: AbortSignal): Promise<LentRollout | null> {
  const leased = await agents.next(waitMs, signal);
  if (!leased) return null;
  const { context, attempt, expiresAt } = leased;
  return {
    rollout_id: context.rolloutId,
    task: context.task,
    group: String(context.seed),
    attempt,
    api_key: context.apiKey,
    expires_at: new Date(expiresAt).toISOString(),
  };
}

async function ask(
  agents: LeasedAgents,
  { method, path, headers, body }: RolloutRequestMessage,
): Promise<RolloutAnswer> {
  const request = new Request(`http://localhost${path}`, { method, headers, ...(method === 'POST' && { body }) });
  const answer = await agents.fetch(request);
  // A stream comes when its reply is whole.
  return {
    status: answer.status,
    type: answer.headers.get('content-type') ?? 'application/json',
    body: await answer.text(),
  };
}
