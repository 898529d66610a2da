// A line of metrics.jsonl as named numbers, grouped as dashboards group them: train/mean_reward, eval/success_rate.

export type Scalars = Readonly<Record<string, number>>;

const GROUPS: ReadonlyMap<unknown, string> = new Map([
  ['step', 'train'],
  ['evaluation', 'eval'],
]);

/**
 * Numbers under their keys. Texts, intervals, truth values and what is not finite are left out, and the step, which is
 * their place. A line of another type gives nothing.
 */
export function scalarsOf({ type, step: _, ...line }: Readonly<Record<string, unknown>>): Scalars {
  const group = GROUPS.get(type);
  if (group === undefined) return {};
  const numbers = Object.entries(line).filter((entry): entry is [string, number] => Number.isFinite(entry[1]));
  return Object.fromEntries(numbers.map(([key, value]) => [`${group}/${key}`, value]));
}
