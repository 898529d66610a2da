// How good policies are at a game: choose who meets, play the same games, compare.

import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { useWorkplace } from '../app-context.tsx';
import type { Game } from '../engine/protocol.ts';
import { ModelShelf } from '../models/model-library.tsx';
import { DeviceField } from '../ui/device-field.tsx';
import { NumberField } from '../ui/fields.tsx';
import { GameFields } from '../ui/game/game-fields.tsx';
import { GameNotes } from '../ui/game/game-notes.tsx';
import { allNamed, NOTHING_NAMED, nameChanges, settingFor, settingIn } from '../ui/game/model-game.ts';
import { MatchCard } from './comparison-card.tsx';
import { Standings } from './comparison-progress.tsx';
import { DEFAULT_SETTING, MOST_EPISODES, readSetting, type Setting, writeSetting } from './evaluation-spec.ts';
import { Contestants } from './policy-entries.tsx';
import { isRunning, useMatch } from './use-comparison.ts';
import './evaluate.css';

export function EvaluateView() {
  const { opened, gameOf } = useWorkplace();
  const [setting, setSetting] = useState(DEFAULT_SETTING);
  const [trouble, setTrouble] = useState('');
  const [copied, setCopied] = useState('');
  const named = useRef(NOTHING_NAMED);
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
        if (wanted) {
          named.current = allNamed(wanted);
          setSetting(wanted);
        }
        setTrouble('');
      } catch (error) {
        setTrouble((error as Error).message);
      }
    };
    follow();
    addEventListener('hashchange', follow);
    return () => removeEventListener('hashchange', follow);
  }, []);

  /** The game that a model was trained in is where its evaluation begins. */
  const bring = async (model: string, said = () => named.current) => {
    const carried = await gameOf(model);
    if (carried) setSetting((before) => settingFor(carried, model, before, said()));
  };
  // A model that another view has opened meets nobody else at first.
  useEffect(() => {
    if (!opened) return;
    const { model: name, game } = opened;
    const contestants = [{ kind: 'model', name, history: game?.history ?? 'NO_HISTORY' } as const];
    named.current = NOTHING_NAMED;
    setSetting((before) => ({
      ...before,
      ...(game && { environment: game.environment, config: game.config }),
      contestants,
    }));
    // A game that came with it stays; how replies are sampled there, the model says.
    void bring(name, () => (game ? { ...named.current, environment: true, config: game.config } : named.current));
  }, [opened]);

  const game: Game = { ...setting, history: 'NO_HISTORY' };
  const changeGame = (next: Game) => {
    named.current = nameChanges(named.current, game, next);
    set(settingIn(next, setting, named.current));
    // Those that were trained in it bring its settings.
    if (next.environment !== setting.environment) for (const name of modelsOf(setting.contestants)) void bring(name);
  };
  const changeSampling = (change: Partial<Setting>) => {
    named.current = { ...named.current, sampling: true };
    set(change);
  };
  const changeContestants = (contestants: Setting['contestants']) => {
    const before = modelsOf(setting.contestants);
    set({ contestants });
    for (const name of modelsOf(contestants)) if (!before.includes(name)) void bring(name);
  };
  /** A model that has come in takes the place of one that was waited for, or is a contestant more. */
  const invite = (name: string) => {
    setSetting((before) =>
      before.contestants.some((one) => one.kind === 'model' && one.name === name)
        ? before
        : { ...before, contestants: [...before.contestants, { kind: 'model', name, history: 'NO_HISTORY' }] },
    );
    void bring(name);
  };
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
          <GameFields game={game} withHistory={false} onChange={changeGame} />
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
                onChange={(temperature) => changeSampling({ temperature })}
              />
              <NumberField
                label="Longest reply"
                hint="In tokens."
                value={setting.maxCompletionLength}
                min={1}
                max={1_000_000}
                onChange={(maxCompletionLength) => changeSampling({ maxCompletionLength })}
              />
              <DeviceField device={setting.device} onChange={(device) => set({ device })} />
            </>
          )}
        </div>
        <Contestants environment={setting.environment} contestants={setting.contestants} onChange={changeContestants} />
        <GameNotes
          players={setting.contestants.flatMap(({ kind, name, history }) =>
            kind === 'model' ? [{ model: name, game: { ...game, history } }] : [],
          )}
          onTake={(name) => {
            named.current = NOTHING_NAMED;
            void bring(name);
          }}
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

const modelsOf = (contestants: Setting['contestants']): readonly string[] =>
  contestants.flatMap(({ kind, name }) => (kind === 'model' ? [name] : []));
