// The games that a run keeps of its steps, as lines of its episodes.jsonl. An episode is its seeds and its replies: the
// rest comes from playing it again, so that every step has room.

import type { KeptEpisode, StepReport } from '@ludic/grpo';
import { wholeLines } from '@ludic/io';
import { briefRecord, type EpisodeRecord, readRecord } from '@ludic/rollouts/internal';

/** Of one step: the first groups, the first members of each, and at most so many characters of groups as a whole. */
const GROUPS = 4;
const MEMBERS = 32;
const MOST_OF_A_STEP = 128 * 2 ** 10;
/** Of all steps, in bytes. Beyond it steps between others make room. */
export const MOST_GAMES = 32 * 2 ** 20;
/** Share of the steps, the newest, that make no room. */
const UNTOUCHED = 0.25;

/** A game of a step: a brief record, and the advantage of each of its replies. */
export interface StoredGame extends KeptEpisode, EpisodeRecord {
  /** Its place among the groups of the step. */
  readonly group: number;
  /** What each turn was credited with. */
  readonly advantages: readonly number[];
}

/** The stored games of a run. */
export interface StoredGames {
  /** Those of which games are stored, in order. */
  readonly steps: readonly number[];
  /** Of one step; none where none are stored. */
  readonly games: readonly StoredGame[];
}

/** Chooses what is stored of a step, within the limits above. */
export function storedGames({ metrics: { step }, episodes, advantages }: StepReport, groupSize: number): StoredGame[] {
  const stored: StoredGame[] = [];
  let length = 0;
  for (const [i, episode] of episodes.entries()) {
    const group = Math.floor(i / groupSize);
    if (group >= GROUPS) break;
    if (i % groupSize >= MEMBERS) continue;
    const game: StoredGame = {
      step,
      group,
      ...briefRecord(episode),
      // Five digits are more than the page shows.
      advantages: Array.from(advantages[i]!, (advantage) => Number(advantage.toPrecision(5))),
    };
    length += JSON.stringify(game).length;
    // Games are looked at beside the others of their group: of the first alone a part is better than nothing.
    if (length > MOST_OF_A_STEP && stored.length > 1)
      return stored.filter((one) => one.group === 0 || one.group < group);
    stored.push(game);
  }
  return stored;
}

/** A line of the file that was not parsed: most lines are of steps that are not asked for. */
interface StoredGameLine {
  readonly step: number;
  readonly text: string;
}

/** The whole lines; each begins with its step. */
function linesOf(text: string): StoredGameLine[] {
  const lines: StoredGameLine[] = [];
  for (const line of wholeLines(text)) {
    const step = /^\{"step":(\d+)/.exec(line)?.[1];
    if (step !== undefined) lines.push({ step: Number(step), text: line });
  }
  return lines;
}

const stepsOf = (lines: readonly StoredGameLine[]): number[] =>
  [...new Set(lines.map(({ step }) => step))].sort((a, b) => a - b);

/** @param latest the games are those of the newest step up to this one */
export function readGames(text: string, latest = Number.POSITIVE_INFINITY): StoredGames {
  const lines = linesOf(text);
  const steps = stepsOf(lines);
  const step = steps.findLast((one) => one <= latest);
  const games = lines.flatMap((line) => (line.step === step ? gameOf(line.text) : []));
  return { steps, games };
}

/**
 * Lines that `ludic train` wrote on the way say no group: they are members of the first. What is damaged is no game, and
 * costs no other its place.
 */
function gameOf(line: string): StoredGame[] {
  try {
    const value = JSON.parse(line) as StoredGame;
    const { step, group = 0, advantages } = value;
    if (!Array.isArray(advantages) || !advantages.every(Number.isFinite)) return [];
    return [{ step, group, ...readRecord(value), advantages }];
  } catch {
    return [];
  }
}

/** Every second step but for the newest goes; the first stays. */
export function thinnedGames(text: string): string {
  const lines = linesOf(text);
  const steps = stepsOf(lines);
  const older = steps.slice(0, Math.ceil((1 - UNTOUCHED) * steps.length));
  const gone = new Set(older.filter((_, i) => i % 2 === 1));
  return lines.flatMap(({ step, text }) => (gone.has(step) ? [] : [`${text}\n`])).join('');
}
