// A line of metrics.jsonl as named numbers, grouped as dashboards group them: train/reward, eval/success_rate.

export type Scalars = Readonly<Record<string, number>>;

const GROUPS: ReadonlyMap<unknown, string> = new Map([
  ['step', 'train'],
  ['evaluation', 'eval'],
]);
/** Objects whose members carry their name: they measure by other means what the line measures as well. */
const NAMED = new Set(['sampled']);
/** They say where the numbers belong, and are no numbers of their own. */
const PLACE = new Set(['type', 'step']);

/** camelCase to snake_case. */
export const snakeCase = (name: string): string =>
  name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`).replace(/^_/, '');

/**
 * Numbers keep their name; of a rate with its interval the rate is taken; what else is an object gives its members.
 * Texts, lists, truth values and what is not finite are left out. A line of another type gives nothing.
 */
export function scalarsOf(line: Readonly<Record<string, unknown>>): Scalars {
  const group = GROUPS.get(line.type);
  if (group === undefined) return {};
  return Object.fromEntries(namedNumbers(line).map(([name, value]) => [`${group}/${name}`, value]));
}

function namedNumbers(object: object): [string, number][] {
  return Object.entries(object).flatMap(([key, value]): [string, number][] => {
    if (PLACE.has(key)) return [];
    if (typeof value === 'number') return Number.isFinite(value) ? [[snakeCase(key), value]] : [];
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return [];
    const { rate } = value as { rate?: unknown };
    if (typeof rate === 'number') return Number.isFinite(rate) ? [[`${snakeCase(key)}_rate`, rate]] : [];
    const inner = namedNumbers(value);
    return NAMED.has(key) ? inner.map(([name, number]) => [`${snakeCase(key)}_${name}`, number]) : inner;
  });
}
