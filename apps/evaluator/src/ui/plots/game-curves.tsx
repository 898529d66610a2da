// What a game measures itself, step by step: a plot for each of its numbers.

import { gameMetricName, isGameMetric } from '@ludic/rollouts/internal';
import { Curve, type CurveProps } from './curve.tsx';

/** Nothing for games that measure nothing. Steps that do not have a number leave gaps in its line. */
export function GameCurves({
  rows,
  ...common
}: Pick<CurveProps, 'marked' | 'onPick'> & {
  readonly rows: readonly (Readonly<Record<string, unknown>> & { readonly step: number })[];
}) {
  const keys = [...new Set(rows.flatMap((row) => Object.keys(row).filter(isGameMetric)))].sort();
  const steps = rows.map(({ step }) => step);
  return (
    <>
      {keys.map((key) => {
        const title = gameMetricName(key).replaceAll('_', ' ');
        const values = rows.map((row) => Number(row[key] ?? Number.NaN));
        const series = [{ label: 'mean of a game', color: 'series-2', values }];
        return <Curve key={key} title={`${title}, of the game`} steps={steps} series={series} {...common} />;
      })}
    </>
  );
}
