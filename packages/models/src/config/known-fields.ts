// Configs that others wrote hold any fields. Each kind of config has one table of those that are understood: what a
// field means for the numbers that a model gives. What would change them and is not computed is refused by name.

import type { Json } from './model-config.ts';

/**
 * `computed`: read, and part of what is computed. `harmless`: changes nothing that is computed here. `told`: changes
 * what others do with the model, and is named in a warning. A `Refusal` changes the numbers in a way that is not computed.
 */
export type Meaning = 'computed' | 'harmless' | 'told' | Refusal;

export interface Refusal {
  /** Values that change nothing, beside those that say nothing (null, false, [] and {}). */
  readonly fine?: readonly unknown[];
  /** Values that are refused though they say nothing. */
  readonly notFine?: readonly unknown[];
  /** What people are told to do. */
  readonly advice?: string;
}

export type FieldTable = Readonly<Record<string, Meaning>>;

/** Makes tables of fields that mean the same, of their names with white space between them. */
const meaning =
  (one: Meaning) =>
  (names: string): FieldTable =>
    Object.fromEntries((names.match(/\S+/g) ?? []).map((name) => [name, one]));
export const computed = meaning('computed');
export const harmless = meaning('harmless');
export const told = meaning('told');
/** Fields that change the numbers unless they say nothing, or what is fine. */
export const refused = (names: string, unless: Refusal = {}): FieldTable => meaning(unless)(names);

export interface FieldsFound {
  /** Fields that are not in the table and say something. */
  readonly unknown: readonly string[];
  /** Those, and fields that others heed and this library does not. */
  readonly unheeded: readonly string[];
  /** What is wrong with each refused field, as a clause. */
  readonly refused: readonly string[];
}

/** null, false, [] and {} switch nothing on. */
export const saysNothing = (value: unknown): boolean =>
  value == null || value === false || (typeof value === 'object' && Object.keys(value).length === 0);

export function sortFields(json: Json, table: FieldTable): FieldsFound {
  const unknown: string[] = [];
  const told: string[] = [];
  const refused: string[] = [];
  for (const [name, value] of Object.entries(json)) {
    const meaning = Object.hasOwn(table, name) ? table[name] : undefined;
    if (meaning === 'computed' || meaning === 'harmless') continue;
    if (typeof meaning === 'object') {
      const reason = refusalOf(name, value, meaning);
      if (reason !== undefined) refused.push(reason);
    } else if (!saysNothing(value)) (meaning === 'told' ? told : unknown).push(name);
  }
  return { unknown, unheeded: [...unknown, ...told], refused };
}

/** What is wrong with a value, as a clause; undefined where it is fine. */
export function refusalOf(
  name: string,
  value: unknown,
  { fine = [], notFine = [], advice }: Refusal,
): string | undefined {
  if (fine.includes(value) || (saysNothing(value) && !notFine.includes(value))) return undefined;
  const known =
    fine.length > 0 ? `; known: ${fine.map((one) => shown(one)).join(', ')}` : ', which is not computed here';
  return `${name} is ${shown(value)}${known}${advice ? `. ${advice}` : ''}`;
}

/** A value for an error message, cut short: it comes from a file that others wrote. */
export function shown(value: unknown): string {
  if (value === undefined) return 'missing';
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

/** What a file says that is not heeded, as a sentence; none where it says nothing. */
export const unheededWarning = (file: string, model: string, names: readonly string[]): readonly string[] =>
  names.length > 0 ? [`${file} of ${model} says ${namesShown(names)}, which is not heeded here.`] : [];

/** Problems for a sentence: at most five, then a count. */
export const problemsShown = (problems: readonly string[]): string =>
  [...problems.slice(0, 5), ...(problems.length > 5 ? [`and ${problems.length - 5} more`] : [])].join('; ');

/** Names for a sentence: at most five, then a count. */
export function namesShown(names: readonly string[]): string {
  const short = names.slice(0, 5).map((name) => (name.length > 120 ? `${name.slice(0, 120)}…` : name));
  return names.length > 5 ? `${short.join(', ')} and ${names.length - 5} more` : short.join(', ');
}
