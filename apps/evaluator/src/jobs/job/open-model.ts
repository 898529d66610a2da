// A model of the server as a policy of this page, and the game of a job.

import type { EnvironmentSpec } from '@ludic/rollouts';
import { evaluatePolicy, type Job, requestedTraining, startTraining } from '@ludic/service';
import { completePlaying, playedGame } from '@ludic/service/internal';
import type { AskOptions, Engine } from '../../engine/client.ts';
import type { Answers } from '../../engine/protocol.ts';
import type { Session } from '../session.ts';

/**
 * Loads a model as the server has it now, whatever is here by its name.
 * @throws LudicError as the engine does; Error where the server has nothing of it that can be played here
 */
export async function loadModel(
  engine: Engine,
  { account }: Session,
  name: string,
  options: AskOptions,
): Promise<Answers['load']> {
  const source = { from: 'server', ...account } as const;
  const listing = (await engine.ask({ type: 'browse', source }, options)).find(({ title }) => title === name);
  if (!listing) throw new Error(`The server has no model ${name} that could be played yet, or no longer.`);
  if (listing.files.length === 0)
    throw new Error(`${name} trains an adapter, which becomes a model that this page can play when the job has ended.`);
  return engine.ask({ type: 'load', source, listing, device: 'auto' }, options);
}

/** Undefined where this page does not know the game, or not these settings. */
export function gameOf({ kind, request }: Job): EnvironmentSpec | undefined {
  if (kind === 'evaluate') {
    const { data } = evaluatePolicy.safeParse(request);
    if (!data) return undefined;
    return { environment: data.env_type, config: playedGame(data), history: completePlaying(data).history_strategy };
  }
  const { data } = startTraining.safeParse(request);
  if (!data) return undefined;
  const { environment, environmentConfig, history } = requestedTraining(data);
  return { environment, config: environmentConfig as EnvironmentSpec['config'], history };
}
