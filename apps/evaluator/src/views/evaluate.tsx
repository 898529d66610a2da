// How good policies are at a game: choose who meets, play the same games, compare.

import { findEnvironment } from '@ludic/environments';
import { useEffect, useMemo, useState } from 'preact/hooks';
import { Contestants } from '../components/contestants.tsx';
import { NumberField } from '../components/fields.tsx';
import { GameFields } from '../components/game-fields.tsx';
import { MatchCard } from '../components/match-card.tsx';
import { DeviceField } from '../components/model-fields.tsx';
import { ModelShelf } from '../components/model-shelf.tsx';
import { Standings } from '../components/standings.tsx';
import type { Game } from '../engine/protocol.ts';
import { DEFAULT_SETTING, MOST_EPISODES, readSetting, type Setting, writeSetting } from '../setting.ts';
import { isRunning, useMatch } from '../use-match.ts';
import { useWorkplace } from '../workplace.tsx';
import '../styles/compare.css';

export function EvaluateView() {
  const { opened } = useWorkplace();
  const [setting, setSetting] = useState(DEFAULT_SETTING);
  const [trouble, setTrouble] = useState('');
  const [copied, setCopied] = useState('');
  const { run, matches, start, stop } = useMatch();
  const running = isRunning(run);
  const set = (change: Partial<Setting>) => {
    setSetting((before) => ({ ...before, ...change }));
    setCopied('');
  };

  useEffect(() => {
    const follow = () => {
      try {
        const wanted = readSetting(location.hash);
        if (wanted) setSetting(wanted);
        setTrouble('');
      } catch (error) {
        setTrouble((error as Error).message);
      }
    };
    follow();
    addEventListener('hashchange', follow);
    return () => removeEventListener('hashchange', follow);
  }, []);

  // A model that another view has opened meets nobody else at first.
  useEffect(() => {
    if (!opened) return;
    const { model: name, game } = opened;
    const contestants = [{ kind: 'model', name, history: game?.history ?? 'NO_HISTORY' } as const];
    setSetting((before) => ({
      ...before,
      ...(game && { environment: game.environment, config: game.config }),
      contestants,
    }));
  }, [opened]);

  const changeGame = ({ environment, config }: Game) =>
    set({
      environment,
      config,
      // Not every player plays every game.
      contestants: setting.contestants.map((contestant) =>
        contestant.kind === 'model' || Object.hasOwn(findEnvironment(environment).experts, contestant.name)
          ? contestant
          : { ...contestant, name: 'expert' },
      ),
    });
  /** A model that has come in takes the place of one that was waited for, or is a contestant more. */
  const invite = (name: string) =>
    setSetting((before) =>
      before.contestants.some((one) => one.kind === 'model' && one.name === name)
        ? before
        : { ...before, contestants: [...before.contestants, { kind: 'model', name, history: 'NO_HISTORY' }] },
    );
  const copy = async () => {
    const link = new URL(writeSetting(setting), location.href).href;
    history.replaceState(null, '', link);
    const done = await navigator.clipboard?.writeText(link).then(
      () => true,
      () => false,
    );
    setCopied(done ? 'Copied.' : 'The link stands in the address bar.');
  };
  // Progress comes often, results seldom.
  const cards = useMemo(() => matches.map((match) => <MatchCard key={match.key} match={match} />), [matches]);
  const models = setting.contestants.some(({ kind }) => kind === 'model');

  return (
    <>
      <form
        class="card"
        aria-label="What to evaluate"
        onSubmit={(event) => {
          event.preventDefault();
          history.replaceState(null, '', writeSetting(setting));
          void start(setting);
        }}
      >
        {trouble !== '' && (
          <p class="trouble" role="alert">
            {trouble}
          </p>
        )}
        {opened?.note && (
          <p class="note" role="status">
            {opened.note}
          </p>
        )}
        <div class="fields setting">
          <GameFields game={{ ...setting, history: 'NO_HISTORY' }} withHistory={false} onChange={changeGame} />
          <NumberField
            label="Games"
            hint="Each contestant plays them all."
            value={setting.episodes}
            min={1}
            max={MOST_EPISODES}
            onChange={(episodes) => set({ episodes })}
          />
          <NumberField
            label="Seed"
            hint="Which games: the same for all who choose it."
            value={setting.seed}
            min={0}
            max={Number.MAX_SAFE_INTEGER}
            onChange={(seed) => set({ seed })}
          />
          {models && (
            <>
              <NumberField
                label="Temperature"
                hint="0 takes the most likely token."
                value={setting.temperature}
                min={0}
                max={100}
                step="any"
                onChange={(temperature) => set({ temperature })}
              />
              <NumberField
                label="Longest reply"
                hint="In tokens."
                value={setting.maxCompletionLength}
                min={1}
                max={1_000_000}
                onChange={(maxCompletionLength) => set({ maxCompletionLength })}
              />
              <DeviceField device={setting.device} onChange={(device) => set({ device })} />
            </>
          )}
        </div>
        <Contestants
          environment={setting.environment}
          contestants={setting.contestants}
          onChange={(contestants) => set({ contestants })}
        />
        <div class="work">
          <button type="submit" class="go" disabled={running}>
            Evaluate
          </button>
          <button type="button" onClick={stop} disabled={!running}>
            Stop
          </button>
          <button type="button" onClick={copy}>
            Copy a link to this
          </button>
          <span role="status">{copied}</span>
        </div>
        {run && <Standings run={run} />}
      </form>
      <ModelShelf onModel={invite} />
      <div class="matches" aria-live="polite">
        {cards}
      </div>
      {matches.length === 0 && (
        <p class="empty">
          All contestants play the same games, so that what tells them apart is how they play. Nothing leaves this page.
        </p>
      )}
    </>
  );
}
