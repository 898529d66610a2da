// Numbers as they are read: figures with their names, and tables that scroll.

import type { ComponentChildren } from 'preact';

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
