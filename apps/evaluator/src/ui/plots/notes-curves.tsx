// What the notes of a policy were worth at each evaluation of a training: a line for each kind of fact that the game hides.

import { noteKinds } from '@ludic/rollouts/internal';
import { Curve, type CurveProps, type Series } from './curve.tsx';

const COLORS = ['series-1', 'series-2', 'series-3'] as const;

const DRAWINGS: readonly (Pick<CurveProps, 'title' | 'range'> & { readonly of: string })[] = [
  { title: 'Turns with a note', of: 'notes_rate', range: [0, 1] },
  { title: 'Notes that are true', of: 'notes_true_rate', range: [0, 1] },
  { title: 'Turns that a true note stays', of: 'notes_survival' },
  { title: 'Bits that a note tells', of: 'notes_information' },
];

/** Nothing where no notes were measured, or only once. Measures that an evaluation does not have leave gaps. */
export function NotesCurves({
  evaluations,
}: {
  readonly evaluations: readonly (Readonly<Record<string, unknown>> & { readonly step: number })[];
}) {
  const measured = evaluations.filter((one) => noteKinds(one).length > 0);
  if (measured.length < 2) return null;
  const kinds = [...new Set(measured.flatMap(noteKinds))];
  const line = (kind: string, of: string, i: number): Series => ({
    label: kind,
    color: COLORS[i % COLORS.length]!,
    values: measured.map((one) => Number(one[`${of}_${kind}`] ?? Number.NaN)),
  });
  const steps = measured.map(({ step }) => step);
  return (
    <>
      {DRAWINGS.map(({ of, ...drawing }) => (
        <Curve
          key={of}
          steps={steps}
          {...drawing}
          series={kinds.flatMap((kind, i) => [
            line(kind, of, i),
            ...(of === 'notes_information'
              ? [{ ...line(kind, 'notes_information_chance', i), label: `${kind}, by chance`, dashed: true }]
              : []),
          ])}
        />
      ))}
    </>
  );
}
