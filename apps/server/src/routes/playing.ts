// Evaluations and rollouts that are answered at once, by the processes that hold models.

import { randomInt } from 'node:crypto';
import { type CarriedGame, readCarriedGame } from '@ludic/rollouts/internal';
import { ENDPOINTS } from '@ludic/service';
import { completePlaying, playedGame, playingDifference, rolloutSummary, trajectoryOf } from '@ludic/service/internal';
import type { Hono } from 'hono';
import { jsonWithList } from '../http/long-list.ts';
import type { InferencePool } from '../inference/pool.ts';
import { requestedPlay } from '../inference/protocol.ts';
import { assertPlayable } from '../jobs/agent-tasks.ts';
import type { Jobs } from '../jobs/jobs.ts';
import { cachedHubFiles } from '../models/hub-models.ts';
import type { ModelOrigin } from '../models/model-source.ts';
import type { ModelStore } from '../models/model-store.ts';
import { carriedGameOf } from '../models/open-model.ts';
import { type Caller, register } from './register.ts';

export function playingRoutes(app: Hono<Caller>, store: ModelStore, pool: InferencePool, jobs: Jobs): void {
  register(app, ENDPOINTS.evaluatePolicy, async ({ body: asked, who, signal, context }) => {
    assertPlayable(asked.env_type);
    const source = await store.lookUp(asked.model_path);
    const carried = await gameOf(source);
    const body = completePlaying(asked, carried);
    const difference = playingDifference(body, carried);
    if (body.async) {
      const job = await jobs.submitEvaluation(body, who);
      context.header('Location', `/jobs/${job.job_id}`);
      const started = `${body.eval_episodes} games are played; GET /jobs/${job.job_id} tells how far they are.`;
      const message = [started, ...(difference === undefined ? [] : [difference])].join(' ');
      return context.json({ job_id: job.job_id, status: 'started', message }, 202);
    }
    const { seed, eval_episodes, include_trajectories: trajectories } = body;
    const task = { ...requestedPlay(body), seed, episodes: eval_episodes, trajectories };
    const { evaluation, games } = await pool.evaluate(source, task, { signal });
    const answer = {
      model_path: body.model_path,
      env_type: body.env_type,
      env_config: playedGame(body),
      eval_episodes: body.eval_episodes,
      history_strategy: body.history_strategy,
      seed: body.seed,
      temperature: body.sampling_params.temperature,
      ...(difference !== undefined && { message: difference }),
      results: evaluation,
    };
    if (!trajectories) return context.json(answer);
    return context.body(jsonWithList(answer, 'trajectories', games), 200, {
      'Content-Type': 'application/json',
    });
  });

  register(app, ENDPOINTS.generateRollout, async ({ body: asked, signal, context }) => {
    assertPlayable(asked.env_type);
    const source = await store.lookUp(asked.model_path);
    const carried = await gameOf(source);
    const body = completePlaying(asked, carried);
    const difference = playingDifference(body, carried);
    // Another game each time, unless one is asked for again.
    const seed = body.seed ?? randomInt(2 ** 31);
    const episode = await pool.rollout(source, { ...requestedPlay(body), seed }, { signal });
    return context.json({
      model_path: body.model_path,
      env_type: body.env_type,
      env_config: playedGame(body),
      max_steps: body.max_steps,
      seed,
      history_strategy: body.history_strategy,
      temperature: body.sampling_params.temperature,
      ...(difference !== undefined && { message: difference }),
      trajectory: trajectoryOf(episode),
      summary: rolloutSummary(episode),
    });
  });
}

/** What is wrong with its files is told where they are opened; those of the Hub are not fetched before that. */
const gameOf = (source: ModelOrigin): Promise<CarriedGame | undefined> => gameHere(source).catch(() => undefined);

async function gameHere(source: ModelOrigin): Promise<CarriedGame | undefined> {
  if (source.from === 'store') return carriedGameOf(source);
  const files = await cachedHubFiles(source.reference);
  return files && readCarriedGame(files);
}
