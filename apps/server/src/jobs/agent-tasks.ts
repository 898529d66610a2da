// The tasks of a training of an agent: in a file of the job, since they may be large, and jobs are listed and told often.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { LeasedAgents } from '@ludic/agents/node';
import { environments, registerEnvironment } from '@ludic/environments';
import { gameFiles } from '@ludic/environments/node';
import { ServiceError, type StartTraining } from '@ludic/service';
import { StartupError } from '../startup-error.ts';
import type { JobPlaces } from './places.ts';

/** `env_type` of agents that are programs of their own. */
export const AGENT = 'agent';

export interface AgentTasks {
  readonly tasks: readonly unknown[];
  readonly evaluationTasks: readonly unknown[];
  readonly maxTurns: number;
  readonly leaseSeconds: number;
}

/**
 * Makes the server accept agents: only the process of a job knows the tasks of one.
 * @throws StartupError `bad_game` where a file of the user's has their name
 */
export function acceptAgents(): void {
  if (gameFiles().some(({ ids }) => ids.includes(AGENT)))
    throw new StartupError(
      'bad_game',
      `The id ${AGENT} is the server's own for agents over HTTP: give your game another.`,
    );
  if (environments.has(AGENT)) return;
  const idle = { now: () => 0, after: () => () => {} };
  const { environment } = new LeasedAgents({ id: AGENT, title: 'Your agent', tasks: [null], leaseSeconds: 1 }, idle);
  registerEnvironment(environment as never);
}

/** @throws ServiceError `bad_request` where tasks and game do not fit */
export function requestedTasks(request: StartTraining): AgentTasks | undefined {
  const { env_type, tasks, evaluation_tasks, rollout_max_steps, lease_seconds: leaseSeconds = 120 } = request;
  const wrong = (field: string, message: string) =>
    new ServiceError('bad_request', message, { details: [{ field, message }] });
  if (env_type !== AGENT) {
    if ((tasks ?? evaluation_tasks) !== undefined)
      throw wrong('tasks', 'Tasks are for env_type agent; a game has its own.');
    return undefined;
  }
  if (!tasks) throw wrong('tasks', 'An agent needs tasks: a list with any JSON values.');
  return { tasks, evaluationTasks: evaluation_tasks ?? tasks, maxTurns: rollout_max_steps ?? 50, leaseSeconds };
}

/** @throws ServiceError `bad_request` for the game that only the trainings of an agent can play */
export function assertPlayable(game: string): void {
  if (game !== AGENT) return;
  const message = 'The rollouts of an agent are handed out while it trains; nothing else plays them.';
  throw new ServiceError('bad_request', message, { details: [{ field: 'env_type', message }] });
}

export function writeTasks({ folder, tasks: path }: JobPlaces, tasks: AgentTasks): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(path, JSON.stringify(tasks), { flush: true });
}

export const readTasks = ({ tasks: path }: JobPlaces): AgentTasks => JSON.parse(readFileSync(path, 'utf8'));
