// A model of the server as a policy of this page, and the game of a job.

import { evaluatePolicy, type Job, type Model, playedGame, requestedTraining, startTraining } from '@ludic/service';
import type { Engine } from '../engine/client.ts';
import type { Game, Progress } from '../engine/protocol.ts';
import type { Session } from './session.ts';

/** What the model is known by here, which says where it is from. @throws EngineError */
export async function loadModel(
  engine: Engine,
  { client, address }: Session,
  { name, files }: Model,
  onProgress: (progress: Progress) => void,
): Promise<string> {
  // Exports for other runtimes lie in folders below.
  const wanted = files.map(({ path }) => path).filter((path) => !path.includes('/'));
  const places = wanted.map((path) => [path, client.modelFileAddress(name, path)] as const);
  const answer = await engine.ask(
    {
      type: 'fetch',
      name: `${name} on ${new URL(address).origin}`,
      urls: Object.fromEntries(places.map(([path, { url }]) => [path, url])),
      headers: places[0]?.[1].headers ?? {},
    },
    { onProgress },
  );
  return answer.name;
}

/** Undefined where this page does not know the game, or not these settings. */
export function gameOf({ kind, request }: Job): Game | undefined {
  if (kind === 'evaluate') {
    const { data } = evaluatePolicy.safeParse(request);
    return data && { environment: data.env_type, config: playedGame(data), history: data.history_strategy };
  }
  const { data } = startTraining.safeParse(request);
  if (!data) return undefined;
  const { environment, environmentConfig, history } = requestedTraining(data);
  return { environment, config: environmentConfig as Game['config'], history };
}
