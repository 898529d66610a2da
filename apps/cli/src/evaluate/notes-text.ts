// What is measured of a policy's notes, as text.

import type { NotesMetrics } from '@ludic/rollouts';
import { noteKinds } from '@ludic/rollouts/internal';
import { percent } from '../units.ts';

/** A row for the scratchpad and one for each kind of fact, of a name and what was measured; none where no notes were. */
export function notesRows(measured: NotesMetrics): readonly (readonly [name: string, text: string])[] {
  const { notes_empty_rate: empty, notes_other_rate: other } = measured;
  if (empty === undefined) return [];
  const others = other === undefined ? '' : `, ${percent(other)} of its lines are no notes of what is hidden`;
  const ofKinds = noteKinds(measured).map((kind): readonly [string, string] => {
    const parts = [`at ${percent(measured[`notes_rate_${kind}`]!)} of the turns`];
    const tell = (
      key: 'notes_true_rate' | 'notes_written_true_rate' | 'notes_survival',
      text: (value: number) => string,
    ) => {
      const value = measured[`${key}_${kind}`];
      if (value !== undefined) parts.push(text(value));
    };
    tell('notes_true_rate', (share) => `${percent(share)} true`);
    tell('notes_written_true_rate', (share) => `${percent(share)} when written`);
    tell('notes_survival', (turns) => `a true one stays ${turns.toFixed(1)} turns`);
    const { [`notes_information_${kind}` as const]: bits, [`notes_information_chance_${kind}` as const]: chance } =
      measured;
    parts.push(`${bits!.toFixed(2)} bits (by chance ${chance!.toFixed(2)})`);
    return [`notes of ${kind}`, parts.join(', ')];
  });
  return [['scratchpad', `empty at ${percent(empty)} of the turns${others}`], ...ofKinds];
}
