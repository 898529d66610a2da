// An evaluation as a job. It is the same at every attempt, so after a kill it simply begins again.

import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findEnvironment, resolveConfig } from '@ludic/environments';
import { LanguageModelPolicy } from '@ludic/policies';
import { type Episode, evaluationStarts, playEpisodes, summarize } from '@ludic/rollouts';
import { createRuntime } from '@ludic/runtime/node';
import { evaluationResults, playedGame, trajectoryOf } from '@ludic/service';
import { ModelStore } from '../../models/model-store.ts';
import { openModel } from '../../models/open-model.ts';
import type { JobContext, JobEnd } from './context.ts';
import type { JobRequest } from './messages.ts';

/** Games in lockstep: few enough that their number is told often. */
const TOGETHER = 250;

export async function evaluateJob(
  { request }: Extract<JobRequest, { kind: 'evaluate' }>,
  { dataFolder, device, threads, folder, signal, send, say }: JobContext,
): Promise<JobEnd> {
  const { eval_episodes: wanted, seed, sampling_params: sampling } = request;
  const store = await ModelStore.open(dataFolder);
  const runtime = await createRuntime({ device, ...(threads !== undefined && { threads }) });
  const model = await openModel(await store.resolve(request.model_path), runtime);
  const definition = findEnvironment(request.env_type);
  const policy = new LanguageModelPolicy(model, {
    temperature: sampling.temperature,
    topK: sampling.top_k,
    topP: sampling.top_p,
    maxCompletionLength: sampling.max_tokens,
    stop: [`</${definition.replyTag}>`],
  });
  const table = {
    definition,
    config: resolveConfig(definition, playedGame(request)),
    history: request.history_strategy,
    policy,
  };
  const episodes: Episode[] = [];
  try {
    while (episodes.length < wanted) {
      const starts = evaluationStarts(seed, Math.min(TOGETHER, wanted - episodes.length), episodes.length);
      episodes.push(...(await playEpisodes({ ...table, starts, signal })));
      say(`${episodes.length} of ${wanted} games played`);
      send({ type: 'played', games: episodes.length });
    }
  } catch (error) {
    if (signal.aborted) return { status: 'interrupted', result: null };
    throw error;
  }
  if (request.include_trajectories) await writeEpisodes(join(folder, 'episodes.jsonl'), episodes);
  return {
    status: 'finished',
    result: {
      model_path: request.model_path,
      env_type: request.env_type,
      eval_episodes: wanted,
      history_strategy: request.history_strategy,
      results: evaluationResults(summarize(episodes, seed)),
    },
  };
}

async function writeEpisodes(path: string, episodes: readonly Episode[]): Promise<void> {
  const lines = episodes.map((episode, i) =>
    JSON.stringify({
      episode: i,
      reward: episode.reward,
      steps: episode.turns.length,
      trajectory: trajectoryOf(episode, i),
    }),
  );
  await writeFile(`${path}.new`, `${lines.join('\n')}\n`, { flush: true });
  await rename(`${path}.new`, path);
}
