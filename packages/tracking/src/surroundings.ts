// What tracking needs of the machine, given by the faces: the time, a pause, and dice for pauses and names.

export interface Surroundings {
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Ends after so many milliseconds, or at once when the signal is aborted; never fails. */
  readonly sleep: (milliseconds: number, signal?: AbortSignal) => Promise<void>;
  /** At least 0 and less than 1. */
  readonly random: () => number;
}
