// How good notes are: whether they are true, how long they stay, and how much they tell of what the game hides.

import { type RandomStream, stream } from '@ludic/random';
import { mutualInformation } from './information.ts';
import type { NotedTurn } from './note-taking.ts';
import { type NOTES_METRICS_OF_KIND, type NotesMetrics, SURVIVAL_HORIZON } from './notes-metrics.ts';
import { type Spell, survival } from './survival.ts';

type Games = readonly (readonly NotedTurn[])[];

/** A turn after the first of its game, for one kind of fact. */
interface KindTurn {
  /** The line that is so; undefined where the game has no such fact now. */
  readonly fact: string | undefined;
  /** The notes of the kind that the policy saw, and those that its reply wrote anew. */
  readonly shown: readonly string[];
  readonly written: readonly string[];
}

/**
 * Measures the notes of games. A line is a note of a kind when it equals a line that says a fact of this kind at any turn
 * of any of these games; it is true when it equals the fact of its own game at its own turn. So in few games, which do
 * not meet all facts, some false notes are taken for other lines. Nothing where no game says a fact.
 *
 * Turns are those after the first, since nothing can have been written before; the notes that the first reply writes
 * count. Where the game has no fact of a kind (any more), notes of this kind are not judged.
 * @param seed names the turn of each game that information is taken from: the turns of one game depend on each other, and
 * one turn of each gives independent pairs
 */
export function notesMetrics(games: Games, seed: number): NotesMetrics {
  const kinds = linesByKind(games);
  if (kinds.size === 0) return {};
  const later = games.flatMap((turns) => turns.slice(1));
  const shown = later.flatMap((turn) => turn.shown);
  const isNote = (line: string) => [...kinds.values()].some((lines) => lines.has(line));
  const other = shareOf(shown, (line) => !isNote(line));
  const metrics = {
    notes_empty_rate: shareOf(later, (turn) => turn.shown.length === 0) ?? 0,
    ...(other !== undefined && { notes_other_rate: other }),
  };
  const ofKinds = [...kinds].flatMap(([kind, lines]) => {
    const ofKind = games.map((turns) =>
      turns.map(
        (turn): KindTurn => ({
          fact: turn.facts[kind],
          shown: turn.shown.filter((line) => lines.has(line)),
          written: turn.written.filter((line) => lines.has(line) && !turn.shown.includes(line)),
        }),
      ),
    );
    const measured = Object.entries(measuresOf(ofKind, stream(seed, 'notes', kind)));
    return measured.flatMap(([key, value]) => (value === undefined ? [] : [[`${key}_${kind}`, value] as const]));
  });
  return { ...metrics, ...Object.fromEntries(ofKinds) };
}

/** The lines that say facts, by the kind of the fact. */
function linesByKind(games: Games): ReadonlyMap<string, ReadonlySet<string>> {
  const kinds = new Map<string, Set<string>>();
  for (const { facts } of games.flat()) {
    for (const [kind, line] of Object.entries(facts)) {
      const lines = kinds.get(kind) ?? new Set();
      kinds.set(kind, lines.add(line));
    }
  }
  return kinds;
}

type MeasuresOfKind = { readonly [K in keyof typeof NOTES_METRICS_OF_KIND]: number | undefined };

function measuresOf(games: readonly (readonly KindTurn[])[], random: RandomStream): MeasuresOfKind {
  const turns = games.flatMap(([_, ...later]) => later).filter(({ fact }) => fact !== undefined);
  const truths = (notes: 'shown' | 'written', of: readonly KindTurn[]) =>
    of.flatMap((turn) => turn[notes].map((line) => line === turn.fact));
  const lasting = survival(games.flatMap(spellsOf), SURVIVAL_HORIZON);
  const pairs = games.flatMap((game) => pairOf(game, random) ?? []);
  const { information, entropy } = mutualInformation(pairs);
  const chance = mutualInformation(pairs.map(([note], i) => [note, pairs[(i + 1) % pairs.length]![1]]));
  return {
    notes_rate: shareOf(turns, ({ shown }) => shown.length > 0) ?? 0,
    notes_true_rate: shareOf(truths('shown', turns), Boolean),
    notes_written_true_rate: shareOf(
      truths(
        'written',
        games.flat().filter(({ fact }) => fact !== undefined),
      ),
      Boolean,
    ),
    notes_survival: lasting?.mean,
    notes_survival_median: lasting?.median,
    notes_information: information,
    notes_information_share: entropy > 0 ? information / entropy : 0,
    notes_information_chance: chance.information,
  };
}

/** Turns in a row at which the policy saw the true note. It ends when it is gone or another is in its place, not with the game or the fact. */
function spellsOf(game: readonly KindTurn[]): readonly Spell[] {
  const spells: Spell[] = [];
  let turns = 0;
  for (const [i, { fact, shown }] of game.entries()) {
    if (fact !== undefined && shown.includes(fact)) turns++;
    const next = game[i + 1];
    const isSameFact = next !== undefined && next.fact === fact;
    if (turns === 0 || (isSameFact && next.shown.includes(fact!))) continue;
    spells.push({ turns, ended: isSameFact });
    turns = 0;
  }
  return spells;
}

/** Note and fact at a random turn at which there is such a fact; the note is the last of the pad, empty where there is none. */
function pairOf([_, ...later]: readonly KindTurn[], random: RandomStream): [note: string, fact: string][] | undefined {
  const turns = later.filter(({ fact }) => fact !== undefined);
  if (turns.length === 0) return undefined;
  const { shown, fact } = turns[random.nextInt(turns.length)]!;
  return [[shown.at(-1) ?? '', fact!]];
}

function shareOf<T>(all: readonly T[], test: (one: T) => boolean): number | undefined {
  return all.length === 0 ? undefined : all.filter(test).length / all.length;
}
