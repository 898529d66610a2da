// An agent as an environment, for everything that plays, trains and evaluates.

import type { EnvironmentDefinition, Expert } from '@ludic/environments';
import type { AgentSettings } from './agent.ts';
import { AgentRollout, type RolloutDesk } from './rollout.ts';

const MOST_TURNS = 50;
export const ATTEMPTS = 3;

/**
 * The environment whose episodes are the rollouts of an agent. It has no settings, and its history is of the agent's making.
 * @param desk where its rollouts are reached
 * @throws RangeError without a task
 */
export function agentEnvironment<Task>(settings: AgentSettings<Task>, desk: RolloutDesk): EnvironmentDefinition {
  const {
    id,
    title = id,
    description = 'An agent.',
    replyTag = 'answer',
    attempts = ATTEMPTS,
    lockstep = false,
  } = settings;
  if (settings.tasks.length === 0 || settings.evaluationTasks?.length === 0)
    throw new RangeError(`The agent ${id} has no tasks: name at least one.`);
  const { maxTurns = MOST_TURNS, exampleReplies = [''] } = settings;
  const { tasks, evaluationTasks = tasks, agent } = settings as unknown as AgentSettings;
  const player = (): Expert => ({ act: (_, random) => exampleReplies[random.nextInt(exampleReplies.length)]! });
  return {
    id,
    title,
    description,
    replyTag,
    attempts,
    lockstep,
    configSchema: { type: 'object', properties: {}, additionalProperties: false },
    systemPrompt: () => '',
    create: () => new AgentRollout({ tasks, evaluationTasks, agent, maxTurns }, desk),
    experts: { random: player, expert: player },
  };
}
