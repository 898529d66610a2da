// Whether two commits do the same: runs both on this machine, since bits differ between CPUs, and compares what their
// users get, by command line and HTTP alone.
//   npm run compare -- COMMIT             the commit with this tree
//   npm run compare -- COMMIT OTHER       one commit with another
//   npm run compare -- COMMIT --only runs,help
//   npm run compare -- COMMIT --rounding 1e-3   numbers may differ by this share, where sums are added otherwise
// Ends with 1 where anything differs that meant.ts does not name. Changed prose (descriptions of options) is counted, and
// listed with --wording.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { type Difference, differences, type Facts, isRounding } from './facts.ts';
import { helpFacts } from './help.ts';
import { MEANT } from './meant.ts';
import { openapiFacts } from './openapi.ts';
import { requestFacts } from './requests.ts';
import { runFacts } from './runs.ts';
import { checkOut, Side } from './side.ts';

const PARTS: Readonly<Record<string, (side: Side) => Promise<Facts>>> = {
  help: helpFacts,
  openapi: openapiFacts,
  requests: requestFacts,
  runs: runFacts,
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    only: { type: 'string', default: Object.keys(PARTS).join(',') },
    wording: { type: 'boolean', default: false },
    all: { type: 'boolean', default: false },
    rounding: { type: 'string' },
  },
});
const [before, after] = positionals;
const parts = values.only.split(',');
const rounding = Number(values.rounding ?? 0);
if (before === undefined || positionals.length > 2 || !parts.every((part) => Object.hasOwn(PARTS, part))) {
  console.error(
    `npm run compare -- COMMIT [OTHER] [--only ${Object.keys(PARTS).join(',')}] [--wording] [--all] [--rounding SHARE]`,
  );
  process.exit(2);
}

const SHOWN = 40;
const SHOWN_HERE = 3;
const HERE = resolve(import.meta.dirname, '../..');
const folder = mkdtempSync(join(tmpdir(), 'ludic-compare-'));
const trees: string[] = [];
process.once('exit', () => {
  for (const tree of trees) spawnSync('git', ['worktree', 'remove', '--force', tree], { cwd: HERE });
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  spawnSync('git', ['worktree', 'prune'], { cwd: HERE });
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));

function sideOf(commit: string, label: string): Side {
  const tree = join(folder, `${label}-tree`);
  trees.push(tree);
  checkOut(commit, tree);
  return new Side(commit, tree, join(folder, label));
}

const sides = [
  sideOf(before, 'before'),
  after === undefined ? new Side('this tree', HERE, join(folder, 'after')) : sideOf(after, 'after'),
] as const;

const short = (value: string | undefined) =>
  value === undefined ? 'nothing' : value.length > 160 ? `${value.slice(0, 160)}…` : value;

for (const part of parts) {
  const facts = PARTS[part]!;
  const began = Date.now();
  const [was, is] = await Promise.all([facts(sides[0]), facts(sides[1])]);
  const different = differences(was, is);
  const found = different.filter((each) => !isRounding(each, rounding));
  const meant = found.filter(({ wording }) => !wording).map((each) => ({ ...each, why: reason(part, each.name) }));
  const wording = found.filter((each) => each.wording);
  const unmeant = meant.filter(({ why }) => why === undefined);
  console.log(`\n${part}: ${was.size} facts in ${Math.round((Date.now() - began) / 1000)} s`);
  show(unmeant);
  for (const why of new Set(meant.map((each) => each.why).filter((each) => each !== undefined)))
    console.log(`  meant: ${why} (${meant.filter((each) => each.why === why).length})`);
  if (found.length < different.length) console.log(`  within rounding: ${different.length - found.length}`);
  if (wording.length > 0) console.log(`  worded differently: ${wording.length}`);
  if (values.wording)
    for (const { name, before: old, after: now } of wording) console.log(`  ${name}\n    - ${old}\n    + ${now}`);
  console.log(unmeant.length > 0 ? `  ${unmeant.length} differences` : '  equal');
  if (unmeant.length > 0) process.exitCode = 1;
}

/** A few of each file, request or command, unless all are wanted. */
function show(found: readonly Difference[]): void {
  const places = Map.groupBy(found, ({ name }) => /^.*?(?=: | \d|\.json| --|$)/.exec(name)![0]);
  for (const [place, here] of values.all ? places : [...places].slice(0, SHOWN)) {
    for (const { name, before: old, after: now } of values.all ? here : here.slice(0, SHOWN_HERE))
      console.log(`  DIFFERS ${name}\n    before ${short(old)}\n    after  ${short(now)}`);
    if (here.length > SHOWN_HERE && !values.all)
      console.log(`  and ${here.length - SHOWN_HERE} more of ${place} (--all)`);
  }
  if (places.size > SHOWN && !values.all) console.log(`  and ${places.size - SHOWN} more places (--all)`);
}

function reason(part: string, name: string): string | undefined {
  return MEANT.find((each) => each.part === part && each.fact.test(name))?.reason;
}
