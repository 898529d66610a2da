// Numbers as they are read: figures with their names, and tables that scroll.

import type { ComponentChildren } from 'preact';
import { percent } from './numbers.ts';

/** One of a list of figures, `dl.numbers`. */
export const Figure = ({
  name,
  value,
  of,
  error = false,
}: {
  readonly name: string;
  readonly value: ComponentChildren;
  /** What a rate rests on. */
  readonly of?: string;
  readonly error?: boolean;
}) => (
  <div>
    <dt>{name}</dt>
    <dd class={error ? 'mark-error' : undefined}>
      {value}
      {of && <small>{of}</small>}
    </dd>
  </div>
);

/** The figures of a training step that every view of a training shows; those that are not known are left out. */
export const StepFigures = ({
  metrics,
  manner,
}: {
  readonly metrics: Readonly<Record<string, unknown>>;
  /** What the success rests on. */
  readonly manner: string;
}) =>
  STEP_FIGURES.map(([key, name, write]) => {
    const value = metrics[key];
    if (typeof value !== 'number') return null;
    return <Figure key={key} name={name} value={write(value)} {...(key === 'success_rate' && { of: manner })} />;
  });

const STEP_FIGURES: readonly (readonly [key: string, name: string, write: (value: number) => string])[] = [
  ['mean_reward', 'Reward', (value) => value.toFixed(3)],
  ['success_rate', 'Success', percent],
  ['invalid_rate', 'Invalid', percent],
  ['entropy', 'Entropy', (value) => value.toFixed(3)],
  ['gradient_norm', 'Gradient norm', (value) => value.toFixed(2)],
  ['max_log_ratio', 'Largest |log ratio|', (value) => value.toExponential(1)],
];

/** What is wider than a phone: it scrolls within its place, also by keyboard. */
export const Scroll = ({ label, children }: { readonly label: string; readonly children: ComponentChildren }) => (
  // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls can be scrolled by keyboard
  <section class="scroll" aria-label={label} tabIndex={0}>
    {children}
  </section>
);

/** The heads of a table's columns; false is no column, and in `unseen` are those for screen readers alone. */
export const Heads = ({
  names,
  unseen = [],
}: {
  readonly names: readonly (string | false)[];
  readonly unseen?: readonly string[];
}) => (
  <thead>
    <tr>
      {names.map(
        (name) =>
          name !== false && (
            <th scope="col" key={name}>
              {unseen.includes(name) ? <span class="unseen">{name}</span> : name}
            </th>
          ),
      )}
    </tr>
  </thead>
);
