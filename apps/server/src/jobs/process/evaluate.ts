// An evaluation as a job. It is the same at every attempt, so after a kill it simply begins again.

import { type FileHandle, open, rename } from 'node:fs/promises';
import { LanguageModelPolicy } from '@ludic/policies';
import { type Episode, evaluationStarts, playEpisodes } from '@ludic/rollouts';
import { assertRoom, resolveSpec, summarize } from '@ludic/rollouts/internal';
import { createRuntime } from '@ludic/runtime/node';
import { completePlaying } from '@ludic/service/internal';
import { ModelStore } from '../../models/model-store.ts';
import { openModel } from '../../models/open-model.ts';
import { evaluatedGame, requestedPlay } from '../../requested-play.ts';
import { jobPlaces } from '../places.ts';
import { type JobContext, type JobEnd, unlessAborted } from './context.ts';
import type { EvaluationJob } from './messages.ts';

/** Games in lockstep: few enough that their number is told often. */
const TOGETHER = 250;

export async function evaluateJob(
  { request: asked }: EvaluationJob,
  { id, dataFolder, device, threads, signal, send, say }: JobContext,
): Promise<JobEnd> {
  const request = completePlaying(asked);
  const { eval_episodes: wanted, seed } = request;
  const store = await ModelStore.open(dataFolder);
  const runtime = await createRuntime({ device, ...(threads !== undefined && { threads }) });
  const source = await store.resolve(request.model_path);
  const model = await unlessAborted(signal, openModel(source, runtime));
  for (const message of model.warnings ?? []) {
    say(message);
    send({ type: 'warning', message });
  }
  const { sampling, ...spec } = requestedPlay(request);
  const game = resolveSpec(spec);
  const policy = new LanguageModelPolicy(model, { ...sampling, game: game.environment });
  const { episodes: path } = jobPlaces(dataFolder, id);
  const file = request.include_trajectories ? await open(`${path}.new`, 'w') : undefined;
  const episodes: Episode[] = [];
  try {
    while (episodes.length < wanted) {
      const first = episodes.length;
      const starts = evaluationStarts(seed, Math.min(TOGETHER, wanted - first), first);
      const played = await playEpisodes({ ...game, policy, starts, signal });
      if (first === 0) assertRoom(played);
      if (file) await writeEpisodes(file, played, first);
      episodes.push(...played.map(withoutTokens));
      say(`${episodes.length} of ${wanted} games played`);
      send({ type: 'played', games: episodes.length });
    }
    await file?.sync();
  } finally {
    await file?.close();
  }
  if (file) await rename(`${path}.new`, path);
  return {
    status: 'finished',
    result: {
      model_path: request.model_path,
      env_type: request.env_type,
      env_config: spec.config,
      eval_episodes: wanted,
      history_strategy: request.history_strategy,
      temperature: sampling.temperature,
      results: summarize(episodes, seed),
    },
  };
}

/** A hundred thousand games are kept until they are counted. */
const withoutTokens = (episode: Episode): Episode => ({
  ...episode,
  turns: episode.turns.map((turn) => ({ ...turn, prompt: [], reply: { text: '', finish: turn.reply.finish } })),
});

async function writeEpisodes(file: FileHandle, episodes: readonly Episode[], first: number): Promise<void> {
  const lines = episodes.map((episode, i) => JSON.stringify(evaluatedGame(episode, first + i)));
  await file.writeFile(`${lines.join('\n')}\n`);
}
