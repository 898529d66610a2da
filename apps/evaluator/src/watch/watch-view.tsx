// A game to look at, step by step: one of an evaluation, played here, or any that was recorded elsewhere.

import { findEnvironment } from '@ludic/environments';
import { useEffect, useRef, useState } from 'preact/hooks';
import { useAppContext } from '../app-context.tsx';
import type { Game, PolicyChoice } from '../engine/protocol.ts';
import { NumberField, SelectField } from '../ui/fields.tsx';
import { GameFields } from '../ui/game/game-fields.tsx';
import { GameNotes } from '../ui/game/game-notes.tsx';
import { allNamed, gameFor, NOTHING_NAMED, nameChanges, samplingFor } from '../ui/game/model-game.ts';
import { fitting, PolicyFields } from '../ui/game/policy-fields.tsx';
import { useStore } from '../ui/store.ts';
import { useWork, WorkBar } from '../ui/work.tsx';
import { EpisodePlayer } from './episode-player.tsx';
import { readEpisodes } from './recorded.ts';
import { shownEpisodes } from './shown-episodes.ts';
import { DEFAULT_WATCH, MOST_EPISODES, readWatchLink, type WatchSpec, watchLink } from './watch-link.ts';

export function WatchView() {
  const { work, run, stop } = useWork();
  const { gameOf } = useAppContext();
  const named = useRef(NOTHING_NAMED);
  const [spec, setSpec] = useState<WatchSpec>(DEFAULT_WATCH);
  const { set: episodeSet } = useStore(shownEpisodes);
  const [shown, setShown] = useState(0);
  const [trouble, setTrouble] = useState('');
  const asked = useRef(0);
  const file = useRef<HTMLInputElement>(null);
  const { game, policy, seed, episode } = spec;
  const set = (change: Partial<WatchSpec>) => setSpec((before) => ({ ...before, ...change }));

  /** What is being played will not be shown. */
  const forget = () => {
    stop();
    return ++asked.current;
  };
  const start = async (wanted: WatchSpec) => {
    setTrouble('');
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
  // An address that names a game plays it, whether the page is opened with it or led to it.
  useEffect(() => {
    const follow = () => {
      try {
        const wanted = readWatchLink(location.hash);
        if (!wanted) return;
        named.current = allNamed(wanted.game);
        setSpec(wanted);
        void start(wanted);
      } catch (error) {
        setTrouble((error as Error).message);
      }
    };
    follow();
    addEventListener('hashchange', follow);
    return () => removeEventListener('hashchange', follow);
  }, []);
  useEffect(() => {
    if (!episodeSet) return;
    forget();
    setShown(episodeSet.shown);
  }, [episodeSet]);
  const open = async (files: readonly File[]) => {
    setTrouble('');
    forget();
    const [first] = files;
    if (!first) return;
    try {
      const episodes = readEpisodes(await first.text(), game);
      shownEpisodes.show({ source: first.name, episodes, shown: 0 });
    } catch (error) {
      setTrouble(`${first.name} cannot be watched. ${(error as Error).message}`);
    }
  };

  /** The game that a model was trained in is where watching it begins, and how it sampled then. */
  const bring = async (model: string, sampling: boolean) => {
    const carried = await gameOf(model);
    if (!carried) return;
    setSpec((before) => {
      if (before.policy.kind !== 'model' || before.policy.name !== model) return before;
      const game = gameFor(carried, before.game, named.current);
      return { ...before, game, policy: { ...before.policy, ...(sampling && samplingFor(carried, game)) } };
    });
  };
  const changeGame = (next: Game) => {
    named.current = nameChanges(named.current, game, next);
    set({ game: next, policy: fitting(policy, next.environment) });
    if (next.environment !== game.environment && policy.kind === 'model') void bring(policy.name, false);
  };
  const changePolicy = (next: PolicyChoice) => {
    set({ policy: next });
    if (next.kind !== 'model') return;
    if (next.name !== policy.name) void bring(next.name, !named.current.sampling);
    else named.current = { ...named.current, sampling: true };
  };

  const recorded = episodeSet?.episodes[Math.min(shown, episodeSet.episodes.length - 1)];
  // Tokens of games from elsewhere are looked at by the model that is chosen.
  const reader = episodeSet?.model ?? (policy.kind === 'model' ? policy.name : undefined);
  const device = policy.kind === 'model' ? policy.device : 'auto';
  return (
    <>
      <form
        class="card"
        aria-label="What to watch"
        onSubmit={(event) => {
          event.preventDefault();
          void start(spec);
        }}
      >
        <div class="fields">
          <PolicyFields environment={game.environment} policy={policy} onChange={changePolicy} />
          <GameFields game={game} onChange={changeGame} />
          <NumberField
            label="Seed"
            hint="Of an evaluation."
            value={seed}
            min={0}
            max={Number.MAX_SAFE_INTEGER}
            onChange={(next) => set({ seed: next })}
          />
          <NumberField
            label="Number"
            hint="Of the game in the evaluation."
            value={episode + 1}
            min={1}
            max={MOST_EPISODES}
            onChange={(next) => set({ episode: next - 1 })}
          />
          <div class="field">
            <input
              ref={file}
              type="file"
              hidden
              accept=".json,.jsonl,application/json"
              aria-label="File of episodes"
              onChange={({ currentTarget }) => {
                void open([...(currentTarget.files ?? [])]);
                // The same file may be opened again.
                currentTarget.value = '';
              }}
            />
            <button type="button" class="quiet" onClick={() => file.current!.click()}>
              Open recorded games…
            </button>
          </div>
        </div>
        <GameNotes
          players={policy.kind === 'model' ? [{ model: policy.name, game }] : []}
          onTake={(model) => {
            named.current = NOTHING_NAMED;
            void bring(model, false);
          }}
        />
        {trouble !== '' && (
          <p class="trouble" role="alert">
            {trouble}
          </p>
        )}
        <WorkBar work={work} start="Watch" stop={stop} />
      </form>
      {episodeSet && recorded ? (
        <>
          <div class="episode-set">
            <h2>{episodeSet.source}</h2>
            {episodeSet.episodes.length > 1 && (
              <SelectField
                label="RecordedEpisode game"
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
