// A part that is folded away; what is in it begins when it is opened, and ends when it is closed.

import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';

/** Children that are not shown do not poll the server. */
export function Collapsible({ title, children }: { readonly title: string; readonly children: ComponentChildren }) {
  const [open, setOpen] = useState(false);
  return (
    <details class="collapsible" onToggle={({ currentTarget }) => setOpen(currentTarget.open)}>
      <summary>{title}</summary>
      {open && children}
    </details>
  );
}
