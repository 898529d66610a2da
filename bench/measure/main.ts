// What can be counted of the house: npm run measure; beside an earlier commit: npm run measure -- COMMIT. With --list, what
// was counted.

import { parseArgs } from 'node:util';
import { type Measures, MOST_FILES, measure } from './measures.ts';
import { treeHere, treeOf } from './tree.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { list: { type: 'boolean', default: false } },
});

const count = (record: object) => Object.keys(record).length;
const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
const ROWS: readonly (readonly [string, (measures: Measures) => number | string])[] = [
  ['lines of code, tests apart', ({ codeLines }) => codeLines],
  ['lines of code of tests, benchmarks, scripts', ({ otherCodeLines }) => otherCodeLines],
  ['comment, share of lines', ({ commentShare }) => percent(commentShare)],
  ['type names declared in several files', ({ repeatedTypes }) => count(repeatedTypes)],
  ['exports of package entries', ({ promisedExports }) => promisedExports],
  ['  used by nothing else', ({ unusedExports }) => unusedExports.length],
  [
    '  with a doc comment',
    ({ promisedExports, undocumentedExports }) => percent(1 - undocumentedExports.length / promisedExports),
  ],
  ['old idioms', ({ idioms }) => Object.values(idioms).reduce((a, b) => a + b, 0)],
  [`folders with more than ${MOST_FILES} source files`, ({ fullFolders }) => count(fullFolders)],
  ['lines of the longest file', ({ longest }) => longest[0]?.[1] ?? 0],
];

const here = measure(treeHere());
const columns = [
  ...positionals.map((commit) => [commit.slice(0, 10), measure(treeOf(commit))] as const),
  ['here', here] as const,
];
const row = (label: string, cells: readonly (string | number)[]) =>
  console.log(label.padEnd(46) + cells.map((cell) => String(cell).padStart(12)).join(''));
row(
  '',
  columns.map(([name]) => name),
);
for (const [label, value] of ROWS)
  row(
    label,
    columns.map(([, measures]) => value(measures)),
  );

if (values.list) {
  const { repeatedTypes, unusedExports, undocumentedExports, idioms, fullFolders, longest } = here;
  console.log(
    JSON.stringify({ fullFolders, longest, idioms, repeatedTypes, unusedExports, undocumentedExports }, null, 2),
  );
}
