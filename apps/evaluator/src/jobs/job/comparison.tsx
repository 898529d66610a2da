// Evaluations of a server on the same games, compared game by game as those of this page are.

import { evaluatePolicy, type Job } from '@ludic/service';
import { Differences } from '../../evaluate/differences.tsx';
import { gamesKey } from '../../evaluate/evaluation-spec.ts';
import { type Compared, type Entry, identity } from '../../evaluate/results.ts';
import { Alert } from '../../ui/form.tsx';
import { whole } from '../../ui/numbers.ts';
import type { JobsStore } from '../jobs-store.ts';
import { usePolling } from '../use-polling.ts';
import { gameLinesOf } from './games.ts';
import { gameOf } from './open-model.ts';

/** More would be no comparison to be read. */
const MOST = 8;
/** All that was said in them has to come here first. */
const MOST_GAMES = 10_000;

/** Who played, and what; undefined where nothing is known that could be compared. */
function entryOf(job: Job): Entry | undefined {
  const game = gameOf(job);
  if (job.kind !== 'evaluate' || job.status !== 'completed' || !game) return undefined;
  const { model_path, eval_episodes, seed, sampling_params, include_trajectories } = evaluatePolicy.parse(job.request);
  if (!include_trajectories) return undefined;
  const { temperature, max_tokens, top_k, top_p } = sampling_params;
  const drawn = [...(top_k > 0 ? [`top k ${top_k}`] : []), ...(top_p < 1 ? [`top p ${top_p}`] : [])];
  return {
    entry: { kind: 'model', name: [model_path, ...drawn].join(', '), history: game.history },
    spec: {
      environment: game.environment,
      config: game.config,
      policies: [],
      episodes: eval_episodes,
      seed,
      temperature,
      maxCompletionLength: max_tokens,
      device: 'auto',
    },
  };
}

/** The newest of `jobs` that played the same games as one of them, each in another way. */
export function comparable(job: Job, jobs: readonly Job[]): readonly Job[] {
  const own = entryOf(job);
  if (!own) return [];
  const key = gamesKey(own.spec);
  const met = new Set([identity(own)]);
  const others = jobs.filter((other) => {
    const entry = other.job_id === job.job_id ? undefined : entryOf(other);
    if (!entry || met.has(identity(entry)) || gamesKey(entry.spec) !== key) return false;
    met.add(identity(entry));
    return true;
  });
  return others.slice(0, MOST - 1);
}

/** Evaluations whose games are fetched to be compared. */
interface ComparisonProps {
  readonly store: JobsStore;
  /** Which are comparable. */
  readonly jobs: readonly Job[];
}

/** The comparison, or why there is none for so many games. */
export function Comparison(props: ComparisonProps) {
  if (props.jobs[0]!.total_steps <= MOST_GAMES) return <SameGames {...props} />;
  return (
    <p class="aside">
      These are more games than the page asks for: evaluations of up to {whole(MOST_GAMES)} are compared here.
    </p>
  );
}

/** Fetches the games of each evaluation and compares them as the page compares its own. */
function SameGames({ store, jobs }: ComparisonProps) {
  const key = jobs.map(({ job_id, ended_at }) => `${job_id} ${ended_at}`).join();
  const { value, error } = usePolling(store, key, undefined, async (signal) => {
    const results: Compared[] = [];
    // One after the other: each may be long.
    for (const job of jobs) {
      const games = gameLinesOf(await store.session.prompt.jobEpisodes(job.job_id, {}, { signal }));
      const { entry, spec } = entryOf(job)!;
      // Some may be lost with their files.
      if (games.length === spec.episodes) results.push({ entry, spec, games });
    }
    return results;
  });
  if (error !== '') return <Alert text={error} />;
  if (!value) return <p class="aside">Asking the server for the games…</p>;
  if (value.length < 2)
    return <p class="aside">The server no longer has the games of these evaluations, so they cannot be compared.</p>;
  return <Differences results={value} />;
}
