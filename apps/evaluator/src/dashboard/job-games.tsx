// Games that a job has played, one of them shown turn by turn.

import { isEnd, type Job } from '@ludic/service';
import { useState } from 'preact/hooks';
import { useAsked } from './asked.ts';
import type { Board } from './board.ts';
import { gamesOf, type SampledGame } from './games.ts';

const EVERY = 10_000;
/** The newest of them. */
const MOST = 200;

export function Games({ board, job }: { readonly board: Board; readonly job: Job }) {
  const { job_id, status } = job;
  const { value, trouble } = useAsked(board, `${job_id} ${status}`, isEnd(status) ? undefined : EVERY, async (signal) =>
    gamesOf((await board.session.prompt.jobEpisodes(job_id, { signal })).slice(-MOST)),
  );
  const [chosen, setChosen] = useState(0);
  const game = value?.[Math.min(chosen, value.length - 1)];
  return (
    <>
      {trouble !== '' && (
        <p class="trouble" role="alert">
          {trouble}
        </p>
      )}
      {!value && trouble === '' && <p class="aside">Asking the server…</p>}
      {value?.length === 0 && <p class="aside">No games have been kept yet.</p>}
      {value && game && (
        <div class="games">
          <ul aria-label="Games">
            {value.map(({ title, reward, outcome }, i) => (
              // Games stay where they are; new ones come behind.
              <li key={i}>
                <button type="button" aria-current={i === chosen ? 'true' : undefined} onClick={() => setChosen(i)}>
                  <span>{title}</span>
                  <small>
                    {outcome}, reward {reward.toFixed(2)}
                  </small>
                </button>
              </li>
            ))}
          </ul>
          <Transcript game={game} />
        </div>
      )}
    </>
  );
}

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
              {isInvalid && <small class="trouble">invalid</small>}
              {isCutOff && <small class="trouble">cut off</small>}
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
