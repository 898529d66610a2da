// Which call into a game this thread is in. A call that never returns blocks its thread, so only another thread can
// notice it: `watchGames` lets one be told before and after each call. A promise that never settles is given up here.

/** A call into a game, as a watch is told of it. */
export interface GameCall {
  /** Id of the game. */
  readonly game: string;
  /** What is called: a function of the definition or of the environment. */
  readonly call: string;
  readonly seed: number;
  readonly dynamicsSeed: number;
  /** Number of the reply that is played, the first is 1; 0 before the first. */
  readonly turn: number;
}

/** Told of every call, so it must be quick; must not throw. */
export interface GameWatch {
  enter(call: GameCall): void;
  leave(): void;
}

let watch: GameWatch | undefined;

/** Sets the watch of this thread; undefined removes it. */
export function watchGames(next: GameWatch | undefined): void {
  watch = next;
}

/** Calls into a game under the watch of this thread. */
export function watched<T>(call: GameCall, act: () => T): T {
  watch?.enter(call);
  try {
    return act();
  } finally {
    watch?.leave();
  }
}

/** Seconds that a promise of a game may take where nothing else is set. */
const ANSWER_LIMIT = 60;
let answerLimit = ANSWER_LIMIT;

/** Sets how long a game's promise may take in this thread, in seconds; 0: no limit; undefined: 60, as at first. */
export function limitAnswers(seconds: number | undefined): void {
  answerLimit = seconds ?? ANSWER_LIMIT;
}

/** What a game promised. Rejects after the limit of this thread: the game goes on, and nothing waits for it. */
export async function answered<T>(promise: PromiseLike<T>): Promise<T> {
  const seconds = answerLimit;
  if (seconds === 0) return promise;
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => late.reject(new Error(`its promise has not settled within ${seconds} seconds`)),
    1000 * seconds,
  );
  try {
    return await Promise.race([promise, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** The place of a call, for a sentence: `step of tic_tac_toe at turn 3 (seed 5)`. */
export function placeOf({ game, call, seed, dynamicsSeed, turn }: GameCall): string {
  const at = turn > 0 ? ` at turn ${turn}` : '';
  const dynamics = dynamicsSeed === seed ? '' : `, dynamics seed ${dynamicsSeed}`;
  return `${call} of ${game}${at} (seed ${seed}${dynamics})`;
}

/** What is told of a call that does not come back. */
export const stuckSentence = (call: GameCall, seconds: number): string =>
  `${placeOf(call)} has not come back for ${seconds} seconds, so its process was ended.`;

/** The sentence of a game that did not come back, where `text` holds one. */
export const stuckGame = (text: string): string | undefined =>
  /^(.+ of \S+.* has not come back for [\d.]+ seconds, so its process was ended\.)/m.exec(text)?.[1];
