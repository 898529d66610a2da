// A game to look at, step by step: one of an evaluation, played here, or any that was recorded elsewhere.

import { findEnvironment } from '@ludic/environments';
import { readEpisodes } from '@ludic/rollouts/internal';
import { useEffect, useRef, useState } from 'preact/hooks';
import { NumberField, SeedField, SelectField } from '../ui/fields.tsx';
import { Alert, FileButton, Form } from '../ui/form.tsx';
import { GameFields } from '../ui/game/game-fields.tsx';
import { GameNotes } from '../ui/game/game-notes.tsx';
import { lazyView, shownGames } from '../ui/game/lazy-view.tsx';
import { allChosen } from '../ui/game/model-game.ts';
import { PolicyFields } from '../ui/game/policy-fields.tsx';
import { useGameForm } from '../ui/game/use-game-form.ts';
import { useStore } from '../ui/store.ts';
import { useLink } from '../ui/use-form-state.ts';
import { useWork, WorkBar } from '../ui/work.tsx';
import { shownEpisodes } from './shown-episodes.ts';
import { DEFAULT_WATCH, MOST_EPISODES, readWatchLink, type WatchSpec, watchLink } from './watch-link.ts';

const EpisodePlayer = lazyView(() => shownGames().then((games) => games.EpisodePlayer));

/** Games come from three places: played here, opened from a file, or put here by another view. */
export function WatchView() {
  const { work, run, stop } = useWork();
  const {
    value: spec,
    update,
    settled,
    choices,
    changeGame,
    changePolicy,
    notes,
  } = useGameForm<WatchSpec>(DEFAULT_WATCH);
  const { set: episodeSet } = useStore(shownEpisodes);
  const [shown, setShown] = useState(0);
  const [error, setError] = useState('');
  const asked = useRef(0);
  const { game, policy, seed, episode } = spec;
  const set = (change: Partial<WatchSpec>) => update((before) => ({ ...before, ...change }));

  /** What is being played will not be shown. */
  const forget = () => {
    stop();
    return ++asked.current;
  };
  const start = async (wanted: WatchSpec) => {
    setError('');
    const number = forget();
    const { game, policy, seed, episode } = wanted;
    const answer = await run({ type: 'rollout', game, policy, seed, from: episode, episodes: 1 });
    if (!answer || number !== asked.current) return;
    if (location.hash.startsWith('#watch')) history.replaceState(null, '', watchLink(wanted));
    const title = `Game ${episode + 1}`;
    shownEpisodes.show({
      source: `${policy.name} at ${findEnvironment(game.environment).title}: game ${episode + 1} of seed ${seed}`,
      episodes: answer.episodes.map((one) => ({ title, game, episode: one })),
      shown: 0,
      ...(policy.kind === 'model' && { model: policy.name }),
    });
  };
  // An address that names a game plays it.
  useLink(
    readWatchLink,
    (wanted) => {
      if (!wanted) return;
      choices.current = allChosen(wanted.game);
      update(() => wanted);
      void start(wanted);
    },
    setError,
  );
  useEffect(() => {
    if (!episodeSet) return;
    forget();
    setShown(episodeSet.shown);
  }, [episodeSet]);
  const open = async (files: readonly File[]) => {
    setError('');
    forget();
    const [first] = files;
    if (!first) return;
    try {
      const episodes = readEpisodes(await first.text(), game);
      shownEpisodes.show({ source: first.name, episodes, shown: 0 });
    } catch (error) {
      setError(`${first.name} cannot be watched. ${(error as Error).message}`);
    }
  };

  const recorded = episodeSet?.episodes[Math.min(shown, episodeSet.episodes.length - 1)];
  // Tokens of games from elsewhere are looked at by the model that is chosen.
  const reader = episodeSet?.model ?? (policy.kind === 'model' ? policy.name : undefined);
  const device = policy.kind === 'model' ? policy.device : 'auto';
  return (
    <>
      <Form class="card" aria-label="What to watch" onSubmit={() => void settled().then(start)}>
        <div class="fields">
          <PolicyFields environment={game.environment} policy={policy} onChange={changePolicy} />
          <GameFields game={game} onChange={changeGame} />
          <SeedField hint="Seed of the evaluation." value={seed} onChange={(next) => set({ seed: next })} />
          <NumberField
            label="Number"
            hint="Position of the game in the evaluation."
            value={episode + 1}
            min={1}
            max={MOST_EPISODES}
            onChange={(next) => set({ episode: next - 1 })}
          />
          <div class="field">
            <FileButton
              text="Open recorded games…"
              label="File of episodes"
              quiet
              accept=".json,.jsonl,application/json"
              onFiles={(files) => void open(files)}
            />
          </div>
        </div>
        <GameNotes {...notes} />
        <Alert text={error} />
        <WorkBar work={work} start="Watch" stop={stop} />
      </Form>
      {episodeSet && recorded ? (
        <>
          <div class="episode-set">
            <h2>{episodeSet.source}</h2>
            {episodeSet.episodes.length > 1 && (
              <SelectField
                label="Recorded game"
                value={String(shown)}
                choices={episodeSet.episodes.map(({ title, episode: { reward } }, i) => ({
                  value: String(i),
                  text: `${title}, reward ${Number(reward.toFixed(3))}`,
                }))}
                onChange={(value) => setShown(Number(value))}
              />
            )}
          </div>
          <EpisodePlayer recorded={recorded} model={reader === undefined ? undefined : { name: reader, device }} />
        </>
      ) : (
        <p class="empty">
          A game is shown here step by step: the board, the exact prompt, the reply with the chances of its tokens.
        </p>
      )}
    </>
  );
}
