// An agent that learns, in one call: its settings decided as those of a game, its run in a folder.

import type { AgentSettings } from '@ludic/agents';
import { defineAgent } from '@ludic/agents/node';
import { registerEnvironment } from '@ludic/environments';
import { decideSettings, modelTraits, type TrainingFields } from '@ludic/grpo';

import type { RunOptions, RunResult } from '@ludic/grpo/node';
import { createRuntime } from '@ludic/runtime/node';
import { openModel } from './open-model.ts';
import { runTraining } from './run-training.ts';

/** An agent with its tasks, a model, a folder, and what is not to be chosen for them. */
export interface TrainAgentOptions<Task>
  extends Omit<AgentSettings<Task>, 'id'>,
    Partial<Pick<RunOptions, 'runtime' | 'signal' | 'onEvent'>> {
  /** Names the agent in the run. Default: `agent`. */
  readonly id?: string;
  /** As `openModel` takes it. */
  readonly model: string;
  /** Folder of the run. */
  readonly out: string;
  /** Settings of the training under the names that the command line and the service have; the rest is chosen. */
  readonly settings?: TrainingFields;
}

/** Agents of this process by their ids: one is registered once. */
const known = new Map<string, unknown>();

/**
 * Trains a model as the policy of an agent. The run can be resumed with `ludic train --agent FILE --out FOLDER --resume` where
 * a file defines the same agent under the same id.
 * @throws GrpoError; EnvironmentError `bad_definition` where the id is taken by another agent or game; ModelError, HubError
 */
export async function trainAgent<Task>(options: TrainAgentOptions<Task>): Promise<RunResult> {
  const { id = 'agent', model, out, settings: given = {}, runtime, signal, onEvent, ...agent } = options;
  if (known.get(id) !== agent.agent) registerEnvironment(defineAgent({ ...agent, id }) as never);
  known.set(id, agent.agent);
  const { settings } = decideSettings({ environment: id, given, model: await modelTraits(await openModel(model)) });
  return runTraining(
    { kind: 'new', model, settings },
    {
      folder: out,
      runtime: runtime ?? (await createRuntime()),
      ...(signal && { signal }),
      ...(onEvent && { onEvent }),
    },
  );
}
