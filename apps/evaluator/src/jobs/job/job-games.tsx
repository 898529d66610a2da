// Games that a job has played, one of them shown turn by turn.

import { readEpisodes } from '@ludic/rollouts/internal';
import { isEnd, type Job } from '@ludic/service';
import { useState } from 'preact/hooks';
import { Button } from '../../ui/button.tsx';
import { Alert } from '../../ui/form.tsx';
import { useAttempt } from '../../ui/use-answer.ts';
import { watchEpisodes } from '../../watch/shown-episodes.ts';
import type { JobsStore } from '../jobs-store.ts';
import { usePolling } from '../use-polling.ts';
import { gamesOf, type SampledGame } from './games.ts';
import { gameOf } from './open-model.ts';

const EVERY = 10_000;
/** The newest of a training, the first of an evaluation. */
const MOST = 200;

/** Games come as the server stores them: while a training runs it adds to them, so they are asked for again. */
export function Games({ store, job }: { readonly store: JobsStore; readonly job: Job }) {
  const { job_id, status } = job;
  const { value, error } = usePolling(
    store,
    `${job_id} ${status}`,
    isEnd(status) ? undefined : EVERY,
    async (signal) => {
      const wanted = job.kind === 'train' ? { last: MOST } : { first: MOST };
      const lines = await store.session.prompt.jobEpisodes(job_id, wanted, { signal });
      return { lines, games: gamesOf(lines) };
    },
  );
  const [chosen, setChosen] = useState(0);
  const games = value?.games;
  const shown = Math.min(chosen, (games?.length ?? 1) - 1);
  const game = games?.[shown];
  const played = gameOf(job);
  const { error: unreadable, attempt } = useAttempt();
  const watch = () =>
    attempt(() => {
      const episodes = readEpisodes(JSON.stringify(value!.lines), played!);
      const source =
        job.kind === 'train'
          ? `Games that ${job.output_dir} was trained with`
          : `Games of ${job.model_name}, evaluated on the server`;
      watchEpisodes({ source, episodes, shown });
    });
  return (
    <>
      <Alert text={error || unreadable} />
      {!value && error === '' && <p class="aside">Asking the server…</p>}
      {games?.length === 0 && <p class="aside">{whyNone(job)}</p>}
      {game && played && (
        <p>
          <Button onClick={watch}>Watch on the board</Button>
        </p>
      )}
      {games && game && (
        <div class="job-games">
          <ul aria-label="Games">
            {games.map(({ title, reward, outcome }, i) => (
              // Games stay where they are; new ones come behind.
              <li key={i}>
                <Button aria-current={i === chosen ? 'true' : undefined} onClick={() => setChosen(i)}>
                  <span>{title}</span>
                  <small>
                    {outcome}, reward {reward.toFixed(2)}
                  </small>
                </Button>
              </li>
            ))}
          </ul>
          <Transcript game={game} />
        </div>
      )}
    </>
  );
}

/** Why there are no games, so that an empty list is no riddle. */
function whyNone({ kind, status, request }: Job): string {
  if (kind === 'train') return 'No games have been kept yet.';
  if (request.include_trajectories === false)
    return 'This evaluation was asked for without its games, so only its numbers are known.';
  if (status === 'completed') return 'The server no longer has the games of this evaluation.';
  return 'The games of an evaluation can be looked at when it is completed.';
}

/** A game as text, for games that this page cannot draw as well. */
function Transcript({ game: { title, rules, turns, end, outcome, reward } }: { readonly game: SampledGame }) {
  return (
    <section class="transcript" aria-label={`${title}, turn by turn`}>
      {rules !== undefined && (
        <details>
          <summary>What the policy was told first</summary>
          <pre>{rules}</pre>
        </details>
      )}
      <ol>
        {turns.map(({ seen, reply, reward: own, isInvalid, isCutOff }, i) => (
          <li key={i}>
            <pre>{seen}</pre>
            <p class="reply">
              <code>{reply}</code>
              {own !== 0 && <small>reward {Number(own.toFixed(3))}</small>}
              {isInvalid && <small class="error">invalid</small>}
              {isCutOff && <small class="error">cut off</small>}
            </p>
          </li>
        ))}
      </ol>
      {end !== '' && <pre>{end}</pre>}
      <p class="aside">
        {outcome} after {turns.length} {turns.length === 1 ? 'turn' : 'turns'}, total reward {Number(reward.toFixed(4))}
      </p>
    </section>
  );
}
