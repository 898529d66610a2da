// A recorded terminal as an SVG: npx node docs/picture.ts < recording > docs/terminal.svg
// Record with: script -qec "npm start" recording. The last screen is drawn, as wide as its longest line.

import { readFileSync } from 'node:fs';

interface Cell {
  readonly character: string;
  readonly style: string;
}

const STYLES: Readonly<Record<string, string>> = {
  '1': 'font-weight="bold"',
  '2': 'fill="#8b949e"',
  '32': 'fill="#3fb950"',
  '33': 'fill="#d29922"',
  '36': 'fill="#39c5cf"',
};

/** A control sequence (its numbers and its letter), or one character. */
const TOKEN = new RegExp(`${String.fromCharCode(27)}\\[([\\d;?]*)([A-Za-z])|[^]`, 'gu');

/** The lines that a terminal shows in the end. Knows what Ludic writes: colours, line erasing, cursor up. */
function screenOf(recording: string): Cell[][] {
  const lines: Cell[][] = [[]];
  let row = 0;
  let column = 0;
  let style = '';
  for (const [token, parameters, command] of recording.matchAll(TOKEN)) {
    if (command === 'm') style = STYLES[parameters!] ?? '';
    else if (command === 'A') row = Math.max(0, row - Number(parameters || 1));
    else if (command === 'G') column = Number(parameters || 1) - 1;
    else if (command === 'J') lines.splice(row, lines.length, lines[row]!.slice(0, column));
    else if (command === 'K') lines[row]!.length = column;
    else if (command !== undefined) continue;
    else if (token === '\n') {
      row++;
      column = 0;
    } else if (token === '\r') column = 0;
    else if (token >= ' ') lines[row]![column++] = { character: token, style };
    while (lines.length <= row) lines.push([]);
  }
  return lines;
}

const escaped = (text: string) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');

/** Neighbours of one style as one piece of text. */
function spans(line: readonly Cell[]): string {
  let text = '';
  for (let i = 0; i < line.length; ) {
    let end = i;
    while (end < line.length && line[end]!.style === line[i]!.style) end++;
    const piece = escaped(
      line
        .slice(i, end)
        .map(({ character }) => character)
        .join(''),
    );
    text += `<tspan ${line[i]!.style}>${piece}</tspan>`;
    i = end;
  }
  return text;
}

const recording = readFileSync(0, 'utf8');
const shown = screenOf(recording).map((line) => Array.from(line, (cell) => cell ?? { character: ' ', style: '' }));
const text = (line: readonly Cell[]) => line.map(({ character }) => character).join('');
// From the program's own first line on: what npm and the installation said is left out.
const begin = shown.findIndex((line) => text(line).startsWith('Ludic'));
const screen = shown.slice(Math.max(begin, 0));
// `script` signs what it records.
while (screen.length > 0 && !/^(?!Script done).*\S/.test(text(screen.at(-1)!))) screen.pop();
const width = Math.max(...screen.map((line) => line.length)) * 8.43 + 32;
const height = screen.length * 19 + 30;
const body = screen.map((line, i) => `<text x="16" y="${28 + i * 19}">${spans(line)}</text>`).join('\n');
process.stdout.write(`<svg xmlns="http://www.w3.org/2000/svg" width="${Math.ceil(width)}" height="${height}" font-family="Menlo, Consolas, 'DejaVu Sans Mono', monospace" font-size="14" fill="#e6edf3" xml:space="preserve">
<title>npm start in a terminal</title>
<rect width="100%" height="100%" rx="8" fill="#0d1117"/>
${body}
</svg>
`);
