// Whether the tests find faults: plants each of these in a copy of this commit, one after the other, and runs the tests
// beside it. Run: npx node bench/planted-faults.ts [WORD of the list]; ends with 1 where a fault is not found.

import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { checkOut } from './compare/side.ts';

interface Fault {
  readonly what: string;
  /** Occurs in one source file, which is found by it wherever it has moved. */
  readonly right: string;
  readonly wrong: string;
  /** Tests to run. Default: those in the folder of the file, and below. */
  readonly tests?: string;
}

/** Of Vitest, as far as it is read. */
interface Report {
  readonly testResults: readonly { readonly assertionResults: readonly { status: string; fullName: string }[] }[];
}

const FAULTS: readonly Fault[] = [
  { what: 'random: one round too few', right: 'round < 10; round++', wrong: 'round < 9; round++' },
  { what: 'io: a wait below zero', right: 'Math.max(0, until - now)', wrong: 'until - now' },
  { what: 'io: a pause twice as long', right: 'firstPause * 2 ** (failures - 1)', wrong: 'firstPause * 2 ** failures' },
  {
    what: 'environments: replies that are cut off are unreadable',
    ...{ right: 'return lastOpen >= 0 ? unclosed(text, lastOpen) : undefined;', wrong: 'return undefined;' },
  },
  {
    what: 'environments: a step too few',
    ...{ right: 'const truncated = this.#stepsLeft === 0 &&', wrong: 'const truncated = this.#stepsLeft <= 1 &&' },
  },
  { what: 'history: the first turn is forgotten', right: '= turns.flatMap(', wrong: '= turns.slice(1).flatMap(' },
  {
    what: 'graph: a wrong gradient of GELU',
    ...{ right: 'add(scale(square, 3 * GELU_CUBE), one)', wrong: 'add(scale(square, 2 * GELU_CUBE), one)' },
    tests: 'packages/graph',
  },
  {
    what: 'runtime: outputs are not copied to where they are wanted',
    ...{ right: 'if (target && copiesOutputs) (target', wrong: 'if (!target && copiesOutputs) (target!' },
  },
  {
    what: 'models: a pair of dimensions turns too fast',
    ...{ right: 'theta ** ((-2 * i) / headDim)', wrong: 'theta ** ((-2 * i) / (headDim + 2))' },
  },
  {
    what: 'models: gaps between tensors are passed over',
    ...{ right: 'if (begin !== at)', wrong: 'if (begin < at)', tests: 'packages/models/src/checkpoints' },
  },
  {
    what: 'inference: a token too many within top-p',
    ...{ right: 'kept.length && sum < target', wrong: 'kept.length && sum <= target', tests: 'packages/inference' },
  },
  {
    what: 'inference: the entropy of another temperature',
    ...{ right: 'weighted += weight * shifted;', wrong: 'weighted += weight * shifted * temperature;' },
    tests: 'packages/inference',
  },
  { what: 'rollouts: a narrower interval', right: 'z2 / (4 * trials)', wrong: 'z2 / (8 * trials)' },
  {
    what: 'grpo: CISPO has a gradient through its weight',
    ...{
      right: 'stopGradient(minimum(ratio, upper))',
      wrong: 'minimum(ratio, upper)',
    },
  },
  {
    what: 'grpo: the KL term with the wrong sign of its distance',
    right: "sub(input('reference_logprobs'), logprobs)",
    wrong: "sub(logprobs, input('reference_logprobs'))",
  },
  {
    what: 'grpo: no correction of the second bias',
    ...{ right: 'Math.sqrt(1 - beta2 ** step)', wrong: 'Math.sqrt(1 - beta2)' },
  },
  {
    what: 'grpo: the deviation without Bessel’s correction',
    ...{ right: '(x - mean) ** 2, 0) / (numbers.length - 1)', wrong: '(x - mean) ** 2, 0) / numbers.length' },
  },
  {
    what: 'service: names of models that begin with a dot',
    ...{ right: 'const SEGMENT = /^[A-Za-z0-9_]', wrong: 'const SEGMENT = /^[.A-Za-z0-9_]' },
  },
  {
    what: 'tracking: rows of one step late',
    ...{ right: '.int(STEP, step).message(SUMMARY', wrong: '.int(STEP, step + 1).message(SUMMARY' },
  },
  { what: 'server: passwords may be guessed', right: 'const FREE_FAILURES = 2;', wrong: 'const FREE_FAILURES = 200;' },
  {
    what: 'server: a job dies once more',
    right: 'MAX_CONSECUTIVE_FAILURES = 3',
    wrong: 'MAX_CONSECUTIVE_FAILURES = 4',
  },
  {
    what: 'evaluator: no reply of a recorded game was cut off',
    ...{ right: "cut_off === true ? 'length' : 'stop'", wrong: "cut_off === true ? 'stop' : 'stop'" },
  },
];

const wanted = FAULTS.filter(({ what }) => what.includes(process.argv[2] ?? ''));
const root = resolve(import.meta.dirname, '..');
const temporary = mkdtempSync(join(tmpdir(), 'ludic-faults-'));
const tree = join(temporary, 'tree');
process.once('exit', () => {
  execFileSync('git', ['worktree', 'remove', '--force', tree], { cwd: root });
  rmSync(temporary, { recursive: true, force: true });
});
checkOut('HEAD', tree);

let missed = 0;
for (const { what, right, wrong, tests } of wanted) {
  const list = [
    'grep',
    '-lF',
    right,
    '--',
    'packages/*/src/*.ts',
    'apps/*/src/*.ts',
    'apps/*/src/*.tsx',
    ':!*.test.ts',
  ];
  const found = execFileSync('git', list, { cwd: tree, encoding: 'utf8' }).trim().split('\n');
  if (found.length !== 1) throw new Error(`${what}: ${found.join(', ')}`);
  const file = join(tree, found[0]!);
  const text = readFileSync(file, 'utf8');
  writeFileSync(
    file,
    text.replace(right, () => wrong),
  );
  const report = join(temporary, 'report.json');
  const options = ['--bail', '1', '--reporter', 'json', `--outputFile=${report}`, tests ?? dirname(found[0]!)];
  const { status } = spawnSync(process.execPath, ['node_modules/vitest/vitest.mjs', 'run', ...options], { cwd: tree });
  writeFileSync(file, text);
  const { testResults } = JSON.parse(readFileSync(report, 'utf8')) as Report;
  const finder = testResults
    .flatMap(({ assertionResults }) => assertionResults)
    .find((test) => test.status === 'failed');
  if (status === 0) missed++;
  console.log(
    `${status === 0 ? 'MISSED' : 'found '} ${what}: ${status === 0 ? found[0] : (finder?.fullName ?? 'a file fails')}`,
  );
}
if (missed > 0) process.exitCode = 1;
