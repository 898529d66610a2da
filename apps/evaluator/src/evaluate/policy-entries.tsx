// Who meets whom: a line for each policy with what it sees of the game.

import { HISTORY_STRATEGIES, type HistoryStrategy } from '@ludic/history';
import { useRef } from 'preact/hooks';
import { useAppContext } from '../app-context.tsx';
import type { ModelCard } from '../engine/models/library.ts';
import { Button } from '../ui/button.tsx';
import { SelectField, type SelectOption } from '../ui/fields.tsx';
import { HISTORY_TITLES } from '../ui/game/history-titles.ts';
import { scriptedOptions } from '../ui/game/policy-fields.tsx';
import { policyOfText, policyText } from '../ui/link-values.ts';
import type { PolicyEntry } from './evaluation-spec.ts';

const GROUPS: Readonly<Record<ModelCard['from'], string>> = {
  page: 'Models',
  disk: 'From disk',
  training: 'Trained here',
  server: 'From servers',
  hub: 'From the Hub',
};

/** The list of policies with the buttons that add, remove and multiply them. */
export function PolicyEntries({
  environment,
  policies,
  onChange,
}: {
  readonly environment: string;
  readonly policies: readonly PolicyEntry[];
  readonly onChange: (policies: readonly PolicyEntry[]) => void;
}) {
  const { storage } = useAppContext();
  const add = useRef<HTMLButtonElement>(null);
  const known: readonly SelectOption[] = [
    ...storage.cards.map(({ name, from }) => ({
      value: policyText({ kind: 'model', name }),
      text: name,
      group: GROUPS[from],
    })),
    ...scriptedOptions(environment),
  ];
  const set = (i: number, change: Partial<PolicyEntry>) => onChange(policies.with(i, { ...policies[i]!, ...change }));
  const remove = (i: number) => {
    onChange(policies.toSpliced(i, 1));
    // The button that had the focus is gone.
    add.current?.focus();
  };
  return (
    <section class="policy-entries" aria-label="Policies to compare">
      {policies.map((entry, i) => {
        const value = policyText(entry);
        const missing = !known.some((choice) => choice.value === value);
        return (
          <fieldset class="policy-entry" key={i}>
            <legend>Policy {i + 1}</legend>
            <SelectField
              label="Policy"
              hint={missing ? 'Not here yet: load it below.' : undefined}
              value={value}
              choices={missing ? [...known, { value, text: entry.name, group: 'Not here' }] : known}
              onChange={(text) => set(i, policyOfText(text)!)}
            />
            <SelectField
              label="Sees"
              disabled={entry.kind === 'scripted'}
              value={entry.kind === 'scripted' ? '' : entry.history}
              choices={
                entry.kind === 'scripted'
                  ? [{ value: '', text: 'the game itself' }]
                  : HISTORY_STRATEGIES.map((history) => ({ value: history, text: HISTORY_TITLES[history] }))
              }
              onChange={(history) => set(i, { history: history as HistoryStrategy })}
            />
            <Button
              class="plain"
              aria-label={`Remove policy ${i + 1}`}
              disabled={policies.length === 1}
              onClick={() => remove(i)}
            >
              <span aria-hidden="true">×</span>
            </Button>
          </fieldset>
        );
      })}
      <div class="buttons">
        <button type="button" ref={add} onClick={() => onChange([...policies, policies.at(-1)!])}>
          Add a policy
        </button>
        <Button onClick={() => onChange(combinations(policies))}>Each policy with all histories</Button>
      </div>
    </section>
  );
}

/** Every policy with every history, in the order of the policies. */
function combinations(policies: readonly PolicyEntry[]): readonly PolicyEntry[] {
  const different = new Map(policies.map((entry) => [policyText(entry), entry]));
  return [...different.values()].flatMap((entry) =>
    // What a scripted player does rests on the game alone.
    entry.kind === 'scripted' ? [entry] : HISTORY_STRATEGIES.map((history) => ({ ...entry, history })),
  );
}
