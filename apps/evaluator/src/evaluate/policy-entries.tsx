// Who meets whom: a line for each policy with what it sees of the game.

import { findEnvironment } from '@ludic/environments';
import { HISTORY_STRATEGIES, type HistoryStrategy } from '@ludic/history';
import { useRef } from 'preact/hooks';
import { useWorkplace } from '../app-context.tsx';
import type { ModelCard } from '../engine/models/library.ts';
import { type Choice, SelectField } from '../ui/fields.tsx';
import { HISTORY_TITLES } from '../ui/game/history-titles.ts';
import { policyText } from '../ui/link-values.ts';
import type { Contestant } from './evaluation-spec.ts';

const GROUPS: Readonly<Record<ModelCard['from'], string>> = {
  page: 'Models',
  disk: 'From disk',
  training: 'Trained here',
  server: 'From servers',
  hub: 'From the Hub',
};

export function Contestants({
  environment,
  contestants,
  onChange,
}: {
  readonly environment: string;
  readonly contestants: readonly Contestant[];
  readonly onChange: (contestants: readonly Contestant[]) => void;
}) {
  const { storage } = useWorkplace();
  const add = useRef<HTMLButtonElement>(null);
  const known: readonly Choice[] = [
    ...storage.cards.map(({ name, from }) => ({
      value: policyText({ kind: 'model', name }),
      text: name,
      group: GROUPS[from],
    })),
    ...Object.keys(findEnvironment(environment).experts).map((name) => ({
      value: policyText({ kind: 'scripted', name }),
      text: name.replaceAll('_', ' '),
      group: 'Scripted players',
    })),
  ];
  const set = (i: number, change: Partial<Contestant>) =>
    onChange(contestants.with(i, { ...contestants[i]!, ...change }));
  const remove = (i: number) => {
    onChange(contestants.toSpliced(i, 1));
    // The button that had the focus is gone.
    add.current?.focus();
  };
  return (
    <section class="contestants" aria-label="Contestants">
      {contestants.map((contestant, i) => {
        const value = policyText(contestant);
        const missing = !known.some((choice) => choice.value === value);
        return (
          <fieldset class="contestant" key={i}>
            <legend>Contestant {i + 1}</legend>
            <SelectField
              label="Policy"
              hint={missing ? 'Not here yet: load it below.' : undefined}
              value={value}
              choices={missing ? [...known, { value, text: contestant.name, group: 'Not here' }] : known}
              onChange={(text) => {
                const at = text.indexOf(':');
                set(i, { kind: text.slice(0, at) as Contestant['kind'], name: text.slice(at + 1) });
              }}
            />
            <SelectField
              label="Sees"
              disabled={contestant.kind === 'scripted'}
              value={contestant.kind === 'scripted' ? '' : contestant.history}
              choices={
                contestant.kind === 'scripted'
                  ? [{ value: '', text: 'the game itself' }]
                  : HISTORY_STRATEGIES.map((history) => ({ value: history, text: HISTORY_TITLES[history] }))
              }
              onChange={(history) => set(i, { history: history as HistoryStrategy })}
            />
            <button
              type="button"
              class="plain"
              aria-label={`Remove contestant ${i + 1}`}
              disabled={contestants.length === 1}
              onClick={() => remove(i)}
            >
              <span aria-hidden="true">×</span>
            </button>
          </fieldset>
        );
      })}
      <div class="buttons">
        <button type="button" ref={add} onClick={() => onChange([...contestants, contestants.at(-1)!])}>
          Add a contestant
        </button>
        <button type="button" onClick={() => onChange(combinations(contestants))}>
          Each policy with all histories
        </button>
      </div>
    </section>
  );
}

/** Every policy with every history, in the order of the policies. */
function combinations(contestants: readonly Contestant[]): readonly Contestant[] {
  const policies = new Map(contestants.map((contestant) => [policyText(contestant), contestant]));
  return [...policies.values()].flatMap((contestant) =>
    // What a scripted player does rests on the game alone.
    contestant.kind === 'scripted' ? [contestant] : HISTORY_STRATEGIES.map((history) => ({ ...contestant, history })),
  );
}
