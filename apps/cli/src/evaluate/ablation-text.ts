// What an ablation of memory has found, as text.

import type { AblatedEvaluation, Interval, MemoryAblation } from '@ludic/rollouts';
import { percent } from '../units.ts';

const signed = (value: number) => `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(2)}`;

/** A difference with its interval, and whether 0 is in that. */
function differenceText(value: number, [low, high]: Interval, unit: string): string {
  const verdict = low > 0 || high < 0 ? 'excludes 0' : 'includes 0';
  return `${signed(value)} ${unit} (${signed(low)} to ${signed(high)}, which ${verdict})`;
}

function ablatedText(name: string, { results, difference }: AblatedEvaluation): string {
  const points = difference.success_ci95.map((share) => 100 * share) as unknown as Interval;
  return [
    `${name.padEnd(22)}success ${percent(results.success_rate)}, ${results.mean_steps.toFixed(3)} steps`,
    `${''.padEnd(22)}${differenceText(100 * difference.success_rate, points, 'points of success')}`,
    `${''.padEnd(22)}${differenceText(difference.mean_steps, difference.mean_steps_ci95, 'steps')}`,
  ].join('\n');
}

/** The games of the evaluation again, with another memory than their own. */
export const ablationText = ({ other, blank }: MemoryAblation): string =>
  [
    'The same games without the memory of their own (paired differences with 95 % intervals)',
    ablatedText("another game's memory", other),
    ablatedText('no memory', blank),
  ].join('\n');
