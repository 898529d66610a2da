// How good policies are at a game: choose who meets, play the same games, compare.

import type { EnvironmentSpec } from '@ludic/rollouts';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { useAppContext } from '../app-context.tsx';
import { ModelLibrary } from '../models/model-library.tsx';
import { Button } from '../ui/button.tsx';
import { DeviceField } from '../ui/device-field.tsx';
import { NumberField, SeedField } from '../ui/fields.tsx';
import { Alert, Form } from '../ui/form.tsx';
import { GameFields } from '../ui/game/game-fields.tsx';
import { GameNotes } from '../ui/game/game-notes.tsx';
import { allChosen, evaluationFor, evaluationIn, NO_CHOICES, noteChoices } from '../ui/game/model-game.ts';
import { SamplingFields } from '../ui/game/policy-fields.tsx';
import { useFormState, useLink } from '../ui/use-form-state.ts';
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

/** The form, the models of the page, and a card for each set of games that was evaluated. */
export function EvaluateView() {
  const { opened, gameOf } = useAppContext();
  const { value: spec, update, expect, settled } = useFormState(DEFAULT_EVALUATION);
  const [waiting, setWaiting] = useState(false);
  const [error, setError] = useState('');
  const [copied, setCopied] = useState('');
  const choices = useRef(NO_CHOICES);
  const { run, comparisons, start, stop } = useComparison();
  const running = isRunning(run);
  const set = (change: Partial<EvaluationSpec>) => {
    update((before) => ({ ...before, ...change }));
    setCopied('');
  };

  useLink(
    readEvaluationLink,
    (wanted) => {
      setError('');
      if (!wanted) return;
      choices.current = allChosen(wanted);
      update(() => wanted);
    },
    setError,
  );
  /** The game that a model was trained in is where its evaluation begins. */
  const takeGameOf = (model: string, chosen = () => choices.current) =>
    expect(
      gameOf(model).then((carried) => (before) => (carried ? evaluationFor(carried, model, before, chosen()) : before)),
    );
  // A model that another view has opened is evaluated alone at first.
  useEffect(() => {
    if (!opened) return;
    const { model: name, game } = opened;
    const policies = [{ kind: 'model', name, history: game?.history ?? 'NO_HISTORY' } as const];
    choices.current = NO_CHOICES;
    update((before) => ({
      ...before,
      ...(game && { environment: game.environment, config: game.config }),
      policies,
    }));
    // A game that came with it stays; how replies are sampled there, the model says.
    takeGameOf(name, () => (game ? { ...choices.current, environment: true, config: game.config } : choices.current));
  }, [opened]);

  const game: EnvironmentSpec = { ...spec, history: 'NO_HISTORY' };
  const changeGame = (next: EnvironmentSpec) => {
    choices.current = noteChoices(choices.current, game, next);
    set(evaluationIn(next, spec, choices.current));
    // Those that were trained in it bring its settings.
    if (next.environment !== spec.environment) for (const name of modelsOf(spec.policies)) takeGameOf(name);
  };
  const changeSampling = (change: Partial<EvaluationSpec>) => {
    choices.current = { ...choices.current, sampling: true };
    set(change);
  };
  const changePolicies = (policies: EvaluationSpec['policies']) => {
    const before = modelsOf(spec.policies);
    set({ policies });
    for (const name of modelsOf(policies)) if (!before.includes(name)) takeGameOf(name);
  };
  /** A model that has come in takes the place of one that was waited for, or is an entry more. */
  const addModel = (name: string) => {
    update((before) =>
      before.policies.some((one) => one.kind === 'model' && one.name === name)
        ? before
        : { ...before, policies: [...before.policies, { kind: 'model', name, history: 'NO_HISTORY' }] },
    );
    takeGameOf(name);
  };
  /** Also of a model that was chosen just now: its game may be on its way. */
  const evaluate = async () => {
    if (running || waiting) return;
    setWaiting(true);
    const wanted = await settled();
    setWaiting(false);
    history.replaceState(null, '', evaluationLink(wanted));
    void start(wanted);
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
      <Form class="card" aria-label="What to evaluate" onSubmit={() => void evaluate()}>
        <Alert text={error} />
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
          <SeedField hint="The same seed gives the same games." value={spec.seed} onChange={(seed) => set({ seed })} />
          {models && (
            <>
              <SamplingFields sampling={spec} onChange={changeSampling} />
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
            choices.current = NO_CHOICES;
            takeGameOf(name);
          }}
        />
        <div class="work">
          <button type="submit" class="go" disabled={running || waiting}>
            Evaluate
          </button>
          <Button onClick={stop} disabled={!running}>
            Stop
          </Button>
          <Button onClick={copy}>Copy a link to this</Button>
          <span role="status">{copied}</span>
        </div>
        {run && <ComparisonProgress run={run} />}
      </Form>
      <ModelLibrary onModel={addModel} />
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
