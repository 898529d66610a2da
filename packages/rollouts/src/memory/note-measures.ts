// How good notes are: whether they are true, how long they stay, and how much they tell of what the game hides.

import { type RandomStream, stream } from '@ludic/random';
import { mutualInformation } from './information.ts';
import type { NotedTurn } from './note-taking.ts';
import { type NOTES_METRICS_OF_KIND, type NotesMetrics, SURVIVAL_HORIZON } from './notes-metrics.ts';
import { type Spell, survival } from './survival.ts';

type Games = readonly (readonly NotedTurn[])[];

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
  const ofKinds = [...kinds].flatMap(([kind, lines]) => {
    const measured = Object.entries(measuresOf(kind, lines, games, stream(seed, 'notes', kind)));
    return measured.flatMap(([key, value]) => (value === undefined ? [] : [[`${key}_${kind}`, value] as const]));
  });
  return { ...linesOf(games, kinds), ...Object.fromEntries(ofKinds) };
}

/** Of all lines of the scratchpads that were shown, whatever they say. */
function linesOf(games: Games, kinds: ReadonlyMap<string, ReadonlySet<string>>): NotesMetrics {
  const notes = new Set([...kinds.values()].flatMap((lines) => [...lines]));
  let turns = 0;
  let empty = 0;
  let lines = 0;
  let others = 0;
  for (const [_, ...later] of games) {
    turns += later.length;
    for (const { shown } of later) {
      if (shown.length === 0) empty++;
      lines += shown.length;
      for (const line of shown) if (!notes.has(line)) others++;
    }
  }
  return { notes_empty_rate: empty / Math.max(1, turns), ...(lines > 0 && { notes_other_rate: others / lines }) };
}

/** The lines that say facts, by the kind of the fact. */
function linesByKind(games: Games): ReadonlyMap<string, ReadonlySet<string>> {
  const kinds = new Map<string, Set<string>>();
  // Turns with the same facts hold the same object.
  for (const facts of new Set(games.flatMap((turns) => turns.map((turn) => turn.facts)))) {
    for (const [kind, line] of Object.entries(facts)) {
      const lines = kinds.get(kind) ?? new Set();
      kinds.set(kind, lines.add(line));
    }
  }
  return kinds;
}

type MeasuresOfKind = { readonly [K in keyof typeof NOTES_METRICS_OF_KIND]: number | undefined };

/** Notes that were counted, and how many of them are so. */
class Truths {
  #notes = 0;
  #true = 0;

  count(notes: readonly string[], fact: string): void {
    this.#notes += notes.length;
    for (const line of notes) if (line === fact) this.#true++;
  }

  get share(): number | undefined {
    return this.#notes === 0 ? undefined : this.#true / this.#notes;
  }
}

function measuresOf(kind: string, lines: ReadonlySet<string>, games: Games, random: RandomStream): MeasuresOfKind {
  // Most turns share their scratchpads with others.
  const known = new Map<readonly string[], readonly string[]>();
  const notesIn = (pad: readonly string[]): readonly string[] => {
    let notes = known.get(pad);
    if (!notes) known.set(pad, (notes = pad.filter((line) => lines.has(line))));
    return notes;
  };
  const seen = new Truths();
  const written = new Truths();
  const spells: Spell[] = [];
  const pairs: (readonly [note: string, fact: string])[] = [];
  let turns = 0;
  let noted = 0;
  for (const game of games) {
    const told = game.filter(({ facts }) => facts[kind] !== undefined);
    for (const { facts, shown, written: next } of told) {
      const fresh = next === shown ? [] : notesIn(next).filter((line) => !shown.includes(line));
      written.count(fresh, facts[kind]!);
    }
    const later = told[0] === game[0] ? told.slice(1) : told;
    for (const { facts, shown } of later) {
      const notes = notesIn(shown);
      if (notes.length > 0) noted++;
      seen.count(notes, facts[kind]!);
    }
    turns += later.length;
    spells.push(...spellsOf(kind, game));
    if (later.length > 0) {
      const { facts, shown } = later[random.nextInt(later.length)]!;
      pairs.push([notesIn(shown).at(-1) ?? '', facts[kind]!]);
    }
  }
  const lasting = survival(spells, SURVIVAL_HORIZON);
  const { information, entropy } = mutualInformation(pairs);
  const chance = mutualInformation(pairs.map(([note], i) => [note, pairs[(i + 1) % pairs.length]![1]]));
  return {
    notes_rate: turns === 0 ? 0 : noted / turns,
    notes_true_rate: seen.share,
    notes_written_true_rate: written.share,
    notes_survival: lasting?.mean,
    notes_survival_median: lasting?.median,
    notes_information: information,
    notes_information_share: entropy > 0 ? information / entropy : 0,
    notes_information_chance: chance.information,
  };
}

/** Turns in a row at which the policy saw the true note. The end of the game, or of the fact, is not the note's. */
function spellsOf(kind: string, game: readonly NotedTurn[]): readonly Spell[] {
  const spells: Spell[] = [];
  let turns = 0;
  for (const [i, { facts, shown }] of game.entries()) {
    const fact = facts[kind];
    if (fact !== undefined && shown.includes(fact)) turns++;
    if (turns === 0) continue;
    const next = game[i + 1];
    const isSameFact = next !== undefined && next.facts[kind] === fact;
    if (isSameFact && next.shown.includes(fact!)) continue;
    spells.push({ turns, ended: isSameFact });
    turns = 0;
  }
  return spells;
}
