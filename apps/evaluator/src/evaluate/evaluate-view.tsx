// How good policies are at a game: choose who meets, play the same games, compare.

import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { useAppContext } from '../app-context.tsx';
import type { Game } from '../engine/protocol.ts';
import { ModelLibrary } from '../models/model-library.tsx';
import { DeviceField } from '../ui/device-field.tsx';
import { NumberField } from '../ui/fields.tsx';
import { GameFields } from '../ui/game/game-fields.tsx';
import { GameNotes } from '../ui/game/game-notes.tsx';
import { allNamed, evaluationFor, evaluationIn, NOTHING_NAMED, nameChanges } from '../ui/game/model-game.ts';
import { ComparisonCard } from './comparison-card.tsx';
import { ComparisonProgress } from './comparison-progress.tsx';
import {
  DEFAULT_EVALUATION,
  type EvaluationSpec,
  evaluationLink,
  MOST_EPISODES,
  readEvaluationLink,
} from './evaluation-spec.ts';
import { PolicyEntries } from './policy-entries.tsx';
import { isRunning, useComparison } from './use-comparison.ts';
import './evaluate.css';

export function EvaluateView() {
  const { opened, gameOf } = useAppContext();
  const [spec, setSpec] = useState(DEFAULT_EVALUATION);
  const [trouble, setTrouble] = useState('');
  const [copied, setCopied] = useState('');
  const named = useRef(NOTHING_NAMED);
  const { run, comparisons, start, stop } = useComparison();
  const running = isRunning(run);
  const set = (change: Partial<EvaluationSpec>) => {
    setSpec((before) => ({ ...before, ...change }));
    setCopied('');
  };

  useEffect(() => {
    const follow = () => {
      try {
        const wanted = readEvaluationLink(location.hash);
        if (wanted) {
          named.current = allNamed(wanted);
          setSpec(wanted);
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
    if (carried) setSpec((before) => evaluationFor(carried, model, before, said()));
  };
  // A model that another view has opened meets nobody else at first.
  useEffect(() => {
    if (!opened) return;
    const { model: name, game } = opened;
    const policies = [{ kind: 'model', name, history: game?.history ?? 'NO_HISTORY' } as const];
    named.current = NOTHING_NAMED;
    setSpec((before) => ({
      ...before,
      ...(game && { environment: game.environment, config: game.config }),
      policies,
    }));
    // A game that came with it stays; how replies are sampled there, the model says.
    void bring(name, () => (game ? { ...named.current, environment: true, config: game.config } : named.current));
  }, [opened]);

  const game: Game = { ...spec, history: 'NO_HISTORY' };
  const changeGame = (next: Game) => {
    named.current = nameChanges(named.current, game, next);
    set(evaluationIn(next, spec, named.current));
    // Those that were trained in it bring its settings.
    if (next.environment !== spec.environment) for (const name of modelsOf(spec.policies)) void bring(name);
  };
  const changeSampling = (change: Partial<EvaluationSpec>) => {
    named.current = { ...named.current, sampling: true };
    set(change);
  };
  const changePolicies = (policies: EvaluationSpec['policies']) => {
    const before = modelsOf(spec.policies);
    set({ policies });
    for (const name of modelsOf(policies)) if (!before.includes(name)) void bring(name);
  };
  /** A model that has come in takes the place of one that was waited for, or is an entry more. */
  const invite = (name: string) => {
    setSpec((before) =>
      before.policies.some((one) => one.kind === 'model' && one.name === name)
        ? before
        : { ...before, policies: [...before.policies, { kind: 'model', name, history: 'NO_HISTORY' }] },
    );
    void bring(name);
  };
  const copy = async () => {
    const link = new URL(evaluationLink(spec), location.href).href;
    history.replaceState(null, '', link);
    const done = await navigator.clipboard?.writeText(link).then(
      () => true,
      () => false,
    );
    setCopied(done ? 'Copied.' : 'The link stands in the address bar.');
  };
  // Progress comes often, results seldom.
  const cards = useMemo(
    () => comparisons.map((comparison) => <ComparisonCard key={comparison.key} comparison={comparison} />),
    [comparisons],
  );
  const models = spec.policies.some(({ kind }) => kind === 'model');

  return (
    <>
      <form
        class="card"
        aria-label="What to evaluate"
        onSubmit={(event) => {
          event.preventDefault();
          history.replaceState(null, '', evaluationLink(spec));
          void start(spec);
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
        <div class="fields spec">
          <GameFields game={game} withHistory={false} onChange={changeGame} />
          <NumberField
            label="Games"
            hint="Each policy plays them all."
            value={spec.episodes}
            min={1}
            max={MOST_EPISODES}
            onChange={(episodes) => set({ episodes })}
          />
          <NumberField
            label="Seed"
            hint="Which games: the same for all who choose it."
            value={spec.seed}
            min={0}
            max={Number.MAX_SAFE_INTEGER}
            onChange={(seed) => set({ seed })}
          />
          {models && (
            <>
              <NumberField
                label="Temperature"
                hint="0 takes the most likely token."
                value={spec.temperature}
                min={0}
                max={100}
                step="any"
                onChange={(temperature) => changeSampling({ temperature })}
              />
              <NumberField
                label="Longest reply"
                hint="In tokens."
                value={spec.maxCompletionLength}
                min={1}
                max={1_000_000}
                onChange={(maxCompletionLength) => changeSampling({ maxCompletionLength })}
              />
              <DeviceField device={spec.device} onChange={(device) => set({ device })} />
            </>
          )}
        </div>
        <PolicyEntries environment={spec.environment} policies={spec.policies} onChange={changePolicies} />
        <GameNotes
          players={spec.policies.flatMap(({ kind, name, history }) =>
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
        {run && <ComparisonProgress run={run} />}
      </form>
      <ModelLibrary onModel={invite} />
      <div class="comparisons" aria-live="polite">
        {cards}
      </div>
      {comparisons.length === 0 && (
        <p class="empty">
          All policies play the same games, so that what tells them apart is how they play. Nothing leaves this page.
        </p>
      )}
    </>
  );
}

const modelsOf = (policies: EvaluationSpec['policies']): readonly string[] =>
  policies.flatMap(({ kind, name }) => (kind === 'model' ? [name] : []));
