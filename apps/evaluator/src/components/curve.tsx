// A curve that grows: one or more series over the steps of a training. The library that draws is loaded with the first.

import { useEffect, useRef } from 'preact/hooks';
import type uPlot from 'uplot';

export interface Series {
  readonly label: string;
  /** Name of a colour of the page's style, without its dashes. */
  readonly color: string;
  readonly values: readonly number[];
}

const HEIGHT = 220;

/** @param steps where the values stand, in order */
export function Curve({
  title,
  steps,
  series,
}: {
  readonly title: string;
  readonly steps: readonly number[];
  readonly series: readonly Series[];
}) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | undefined>(undefined);
  const data = [[...steps], ...series.map(({ values }) => [...values])] as uPlot.AlignedData;
  const latest = useRef(data);
  latest.current = data;
  const shape = series.map(({ label, color }) => `${label} ${color}`).join();

  // Made anew when the series are others; filled below.
  useEffect(() => {
    const home = place.current!;
    const dark = matchMedia('(prefers-color-scheme: dark)');
    let gone = false;
    const draw = async () => {
      const { default: Plot } = await import('./plot.ts');
      if (gone) return;
      plot.current?.destroy();
      plot.current = new Plot(options(home, series), latest.current, home);
    };
    void draw();
    const resize = new ResizeObserver(() => plot.current?.setSize({ width: home.clientWidth, height: HEIGHT }));
    resize.observe(home);
    dark.addEventListener('change', draw);
    return () => {
      gone = true;
      resize.disconnect();
      dark.removeEventListener('change', draw);
      plot.current?.destroy();
      plot.current = undefined;
    };
  }, [shape]);

  useEffect(() => plot.current?.setData(latest.current));

  const last = series.map(({ label, values }) => `${label} ${values.at(-1)?.toFixed(3) ?? 'none yet'}`).join(', ');
  return (
    <figure class="curve">
      <figcaption>{title}</figcaption>
      <div ref={place} role="img" aria-label={`${title} after ${steps.length} steps: ${last}`} />
    </figure>
  );
}

function options(home: HTMLElement, series: readonly Series[]): uPlot.Options {
  const style = getComputedStyle(home);
  const color = (name: string) => style.getPropertyValue(`--${name}`).trim();
  const axis = {
    stroke: color('muted'),
    grid: { stroke: color('line'), width: 1 },
    ticks: { stroke: color('line'), width: 1 },
  };
  return {
    width: home.clientWidth || 320,
    height: HEIGHT,
    scales: { x: { time: false } },
    legend: { live: false },
    axes: [{ ...axis, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000] }, axis],
    series: [
      { label: 'step' },
      ...series.map(({ label, color: name }) => ({
        label,
        stroke: color(name),
        width: 2,
        points: { show: false },
      })),
    ],
  };
}
