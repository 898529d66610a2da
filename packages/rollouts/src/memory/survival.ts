// How long something lasts when not all of it is seen to end.

/** A time that was watched, in whole turns from 1. */
export interface Spell {
  readonly turns: number;
  /** It was seen to end after these turns. Otherwise it lasted at least as long, and was not watched further. */
  readonly ended: boolean;
}

/** How long a spell lasts, in turns. */
export interface Survival {
  /** Restricted to the horizon: the mean of what lasts longer, counted as the horizon. */
  readonly mean: number;
  /** The first turn after which at most half are left; the horizon where more than half last that long. */
  readonly median: number;
}

/**
 * The Kaplan–Meier estimate of how long spells last: at each length, the share of those that were still watched and did
 * not end. Beyond the longest spell the share stays what it is.
 * Source: Kaplan & Meier (1958); restricted mean after Irwin (1949).
 * @param horizon turns, at least 1
 * @returns undefined where there is no spell
 */
export function survival(spells: readonly Spell[], horizon: number): Survival | undefined {
  if (spells.length === 0) return undefined;
  const ends = new Array<number>(horizon + 1).fill(0);
  const watched = new Array<number>(horizon + 1).fill(0);
  for (const { turns, ended } of spells) {
    // What was watched until the end of a turn and no further tells nothing of whether it ended with that turn.
    const last = ended ? turns : turns - 1;
    for (let turn = 1; turn <= Math.min(last, horizon); turn++) watched[turn]!++;
    if (ended && turns <= horizon) ends[turns]!++;
  }
  let share = 1;
  let mean = 0;
  let median = horizon;
  for (let turn = 1; turn <= horizon; turn++) {
    mean += share;
    if (watched[turn]! > 0) share *= 1 - ends[turn]! / watched[turn]!;
    if (share <= 0.5) median = Math.min(median, turn);
  }
  return { mean, median };
}
