// The curve of a run as text and as an SVG picture.

import { equalParts } from '../units.ts';

export interface Curve {
  readonly title: string;
  /** In the order of their steps. */
  readonly points: readonly { readonly step: number; readonly value: number }[];
}

const EIGHTHS = ' ▁▂▃▄▅▆▇█';

/** The range that is drawn; never empty. */
function rangeOf({ points }: Curve): readonly [number, number] {
  const values = points.map(({ value }) => value);
  const low = Math.min(...values);
  const high = Math.max(...values);
  return high > low ? [low, high] : [low - 0.5, high + 0.5];
}

/** Columns of bars, each the mean of its stretch of steps. */
export function textChart(curve: Curve, width: number, height: number): string {
  const { title, points } = curve;
  const [low, high] = rangeOf(curve);
  const columns = Math.min(width, points.length);
  const levels = equalParts(points, columns).map((part) => {
    const mean = part.reduce((sum, { value }) => sum + value, 0) / part.length;
    // The lowest value still has a bar.
    return 1 + ((mean - low) / (high - low)) * (8 * height - 1);
  });
  const rows = Array.from({ length: height }, (_, row) => {
    const below = 8 * (height - 1 - row);
    const bars = levels.map((level) => EIGHTHS[Math.max(0, Math.min(8, Math.round(level - below)))]).join('');
    const label = row === 0 ? high.toFixed(3) : row === height - 1 ? low.toFixed(3) : '';
    return `${label.padStart(9)} ┤${bars}`;
  });
  const [first, last] = [String(points[0]!.step), String(points.at(-1)!.step)];
  const axis = `${' '.repeat(11)}${first}${' '.repeat(Math.max(1, columns - first.length - last.length))}${columns > 1 ? last : ''}`;
  return [title, ...rows, axis.trimEnd()].join('\n');
}

const WIDTH = 720;
const HEIGHT = 220;
const MARGIN = 60;

/** Curves below each other, as an SVG document. */
export function svgChart(heading: string, curves: readonly Curve[]): string {
  const panels = curves.map((curve, i) => {
    const { title, points } = curve;
    const [low, high] = rangeOf(curve);
    const [from, to] = [points[0]!.step, points.at(-1)!.step];
    const x = (step: number) => MARGIN + ((step - from) / Math.max(1, to - from)) * (WIDTH - 2 * MARGIN);
    const y = (value: number) => 30 + ((high - value) / (high - low)) * (HEIGHT - 60);
    const line = points.map(({ step, value }) => `${x(step).toFixed(1)},${y(value).toFixed(1)}`).join(' ');
    const label = (left: number, top: number, text: string, anchor = 'end') =>
      `<text x="${left}" y="${top}" text-anchor="${anchor}">${escaped(text)}</text>`;
    return [
      `<g transform="translate(0 ${40 + i * HEIGHT})">`,
      label(MARGIN, 16, title, 'start'),
      label(MARGIN - 6, 34, high.toFixed(3)),
      label(MARGIN - 6, HEIGHT - 26, low.toFixed(3)),
      label(MARGIN, HEIGHT - 12, `step ${from}`, 'start'),
      label(WIDTH - MARGIN, HEIGHT - 12, `step ${to}`),
      `<rect x="${MARGIN}" y="30" width="${WIDTH - 2 * MARGIN}" height="${HEIGHT - 60}" fill="none" stroke="#ccc"/>`,
      `<polyline points="${line}" fill="none" stroke="#1769aa" stroke-width="1.5"/>`,
      '</g>',
    ].join('\n');
  });
  const height = 40 + curves.length * HEIGHT;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="12">`,
    `<rect width="${WIDTH}" height="${height}" fill="#fff"/>`,
    `<text x="${MARGIN}" y="24" font-size="15">${escaped(heading)}</text>`,
    ...panels,
    '</svg>\n',
  ].join('\n');
}

const escaped = (text: string) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
