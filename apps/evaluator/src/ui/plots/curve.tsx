// A curve that grows: one or more series over the steps of a training. The library that draws is loaded with the first.

import { useEffect, useRef } from 'preact/hooks';
import type uPlot from 'uplot';

/** One line of a plot. */
export interface Series {
  readonly label: string;
  /** Name of a colour of the page's style, without its dashes. */
  readonly color: string;
  readonly values: readonly number[];
  readonly dashed?: boolean;
}

const HEIGHT = 190;

/** A plot over the steps of a training. */
export interface CurveProps {
  readonly title: string;
  readonly steps: readonly number[];
  readonly series: readonly Series[];
  /** Of the values, where it is known beforehand. */
  readonly range?: readonly [least: number, most: number];
  /** For values above 0. */
  readonly logarithmic?: boolean;
  /** The step that a line stands at. */
  readonly marked?: number | undefined;
  /** Hears which step was clicked on. */
  readonly onPick?: ((step: number) => void) | undefined;
}

/** @param steps where the values stand, in order */
export function Curve({ title, steps, series, range, logarithmic = false, marked, onPick }: CurveProps) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | undefined>(undefined);
  const data = [[...steps], ...series.map(({ values }) => [...values])] as uPlot.AlignedData;
  const latest = useRef(data);
  latest.current = data;
  const current = useRef({ marked, onPick });
  current.current = { marked, onPick };
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
      const made = new Plot(
        {
          ...options(home, series, range, logarithmic),
          hooks: { draw: [(drawn) => drawMark(drawn, current.current.marked)] },
        },
        latest.current,
        home,
      );
      made.over.addEventListener('click', () => {
        const step = made.data[0][made.cursor.idx ?? -1];
        if (step !== undefined) current.current.onPick?.(step);
      });
      plot.current = made;
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

  const last = series.map(({ label, values }) => `${label} ${valueText(values.at(-1))}`).join(', ');
  return (
    <figure class="curve" data-picks={onPick !== undefined}>
      <figcaption>{title}</figcaption>
      <div ref={place} role="img" aria-label={`${title} after ${steps.length} steps: ${last}`} />
    </figure>
  );
}

const valueText = (value: number | undefined) =>
  value === undefined || Number.isNaN(value)
    ? 'none yet'
    : Math.abs(value) < 1e-3 && value !== 0
      ? value.toExponential(1)
      : value.toFixed(3);

/** Axes, colours and lines for uPlot. It draws on a canvas, so colours are read from the style when it is made. */
function options(
  home: HTMLElement,
  series: readonly Series[],
  range: readonly [number, number] | undefined,
  logarithmic: boolean,
): uPlot.Options {
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
    scales: {
      x: { time: false },
      y: { ...(range && { range: [...range] }), ...(logarithmic && { distr: 3 as const }) },
    },
    legend: { live: false },
    axes: [
      { ...axis, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000] },
      logarithmic
        ? {
            ...axis,
            size: 56,
            grid: { ...axis.grid, filter: powersAmong },
            ticks: { ...axis.ticks, filter: powersAmong },
            values: (_, ticks) => ticks.map((value) => (isPower(value) ? value.toExponential(0) : '')),
          }
        : { ...axis, size: 56 },
    ],
    series: [
      { label: 'step' },
      ...series.map(({ label, color: name, dashed }) => ({
        label,
        stroke: color(name),
        width: 2,
        ...(dashed && { dash: [6, 5] }),
        // A single value is no line.
        points: { show: (plot: uPlot) => plot.data[0].length < 2 },
      })),
    ],
  };
}

/** Draws a dashed vertical line at the step whose games are shown. */
function drawMark(plot: uPlot, step: number | undefined): void {
  if (step === undefined) return;
  const { ctx, bbox } = plot;
  const x = Math.round(plot.valToPos(step, 'x', true));
  ctx.save();
  ctx.strokeStyle = getComputedStyle(plot.root).getPropertyValue('--muted').trim();
  ctx.lineWidth = devicePixelRatio;
  ctx.setLineDash([4 * devicePixelRatio, 3 * devicePixelRatio]);
  ctx.beginPath();
  ctx.moveTo(x, bbox.top);
  ctx.lineTo(x, bbox.top + bbox.height);
  ctx.stroke();
  ctx.restore();
}

/** Powers of ten alone have lines and names, so that these do not touch each other. */
const isPower = (value: number | null): value is number =>
  value !== null && Number.isInteger(Math.round(1e6 * Math.log10(value)) / 1e6);
const powersAmong = (_: uPlot, values: readonly (number | null)[]) =>
  values.map((value) => (isPower(value) ? value : null));
