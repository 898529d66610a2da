// What one side of a comparison shows, as a flat list of named values: two lists are compared without knowing what they
// are about.

import { createHash } from 'node:crypto';

export interface Fact {
  readonly value: string;
  /** Prose for people, such as the description of an option: a change is told but is no fault. */
  readonly wording: boolean;
}

/** Facts by name. */
export type Facts = Map<string, Fact>;

/** Values that differ between two runs of one program: only their kind is compared. */
const MEASURED =
  /(^|\.)(seconds|.*_seconds|.*_per_second|.*peak_memory|uptime_s|seconds_left|.*_at|created|updated|modified|pid|startedAt|peakMemory)$/;

export function addFact(facts: Facts, name: string, value: unknown, wording = false): void {
  facts.set(name, { value: typeof value === 'string' ? value : JSON.stringify(value), wording });
}

/**
 * One fact for each leaf of a JSON value.
 * @param isWording which of them are prose, by their path
 */
export function addJson(facts: Facts, name: string, value: unknown, isWording = (_path: string) => false): void {
  const visit = (path: string, part: unknown): void => {
    if (MEASURED.test(path) && (typeof part !== 'object' || part === null))
      addFact(facts, path, part === null ? 'null' : `a ${typeof part}`);
    else if (typeof part === 'object' && part !== null && Object.keys(part).length > 0)
      for (const [key, child] of Object.entries(part)) visit(`${path}.${key}`, child);
    else addFact(facts, path, part === undefined ? 'undefined' : JSON.stringify(part), isWording(path));
  };
  visit(name, value);
}

export interface Difference {
  readonly name: string;
  readonly before: string | undefined;
  readonly after: string | undefined;
  readonly wording: boolean;
}

export function differences(before: Facts, after: Facts): readonly Difference[] {
  return [...new Set([...before.keys(), ...after.keys()])].flatMap((name) => {
    const [was, is] = [before.get(name), after.get(name)];
    if (was?.value === is?.value) return [];
    return [{ name, before: was?.value, after: is?.value, wording: (was ?? is)!.wording }];
  });
}

/** Numbers below it are compared as if they were so large: what is left of numbers that cancel. */
const SMALLEST = 0.01;

/** What a fact says of bytes that hold rounded numbers. */
export const binaryFact = (bytes: Uint8Array): string =>
  `${bytes.length} bytes, ${createHash('sha256').update(bytes).digest('hex').slice(0, 16)}`;
const BINARY = /^(\d+ bytes), [0-9a-f]{16}$/;

/**
 * Whether a difference may come of sums that are rounded otherwise. Of binary files the lengths are compared; what is in
 * those of tensors has facts of its own.
 * @param share of the larger number
 */
export function isRounding({ before, after }: Difference, share: number): boolean {
  if (share === 0 || before === undefined || after === undefined) return false;
  const [was, is] = [BINARY.exec(before), BINARY.exec(after)];
  if (was && is) return was[1] === is[1];
  const [a, b] = [Number(before), Number(after)];
  return Math.abs(a - b) <= share * Math.max(SMALLEST, Math.abs(a), Math.abs(b));
}
