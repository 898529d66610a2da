// The numbers of notes, by their keys. Those of a kind end in the name of the kind: `notes_true_rate_door`.

import type { Metric } from '../metrics.ts';

/** Turns up to which the survival of notes is followed. */
export const SURVIVAL_HORIZON = 20;

/** Of an evaluation under SCRATCHPAD of a game that says hidden facts. Turns are those after the first of a game. */
export const NOTES_METRICS = {
  notes_empty_rate: { unit: 'share', meaning: 'Share of turns at which the policy saw an empty scratchpad' },
  notes_other_rate: {
    unit: 'share',
    meaning: 'Share of the lines of scratchpads, as the policy saw them, that are no note of a hidden fact',
    optional: true,
  },
} as const satisfies Readonly<Record<string, Metric>>;

/** Of the notes of one kind of fact, over the turns at which the game has that fact. The name of the kind follows. */
export const NOTES_METRICS_OF_KIND = {
  notes_rate: { unit: 'share', meaning: 'Share of turns at which the policy saw a note of the kind' },
  notes_true_rate: {
    unit: 'share',
    meaning: 'Share of the notes that the policy saw, turn by turn, that say what is so',
    optional: true,
  },
  notes_written_true_rate: {
    unit: 'share',
    meaning: 'Share of the notes that were so when they were written; one that is copied is not written again',
    optional: true,
  },
  notes_survival: {
    unit: 'turns',
    meaning: `Mean turns that a true note stays in the scratchpad, at most ${SURVIVAL_HORIZON} (Kaplan–Meier, restricted mean)`,
    optional: true,
  },
  notes_survival_median: {
    unit: 'turns',
    meaning: `Median turns that a true note stays in the scratchpad, at most ${SURVIVAL_HORIZON} (Kaplan–Meier)`,
    optional: true,
  },
  notes_information: {
    unit: 'bits',
    meaning: 'Mutual information of the note and the fact at a random turn of each game (plug-in, Miller–Madow)',
  },
  notes_information_share: {
    unit: 'share',
    meaning: 'notes_information of the entropy of the fact: 1 where the note tells all',
  },
  notes_information_chance: {
    unit: 'bits',
    meaning: 'The same estimate for the note of each game and the fact of the next: what it makes of no information',
  },
} as const satisfies Readonly<Record<string, Metric>>;

/** Whether a key stands for a measure of notes. */
export const isNotesMetric = (key: string): boolean => key.startsWith('notes_');

/** Kinds of facts whose notes were measured. */
export const noteKinds = (measured: object): readonly string[] =>
  Object.keys(measured).flatMap((key) => (key.startsWith('notes_rate_') ? [key.slice('notes_rate_'.length)] : []));

/** Measures of notes by key; those of a kind are there for each kind of fact that the game says. */
export type NotesMetrics = { readonly [K in keyof typeof NOTES_METRICS]?: number } & {
  readonly [K in `${keyof typeof NOTES_METRICS_OF_KIND}_${string}`]?: number;
};
