// How many source files one update goes through, from the first observation to the gradient: those of which a function
// ran, counted by V8. It is the second update of a run, so that graphs are built and programs loaded. The game and the
// operators of graphs are counted apart. Run: npx node bench/measure/walk.ts; with --list, which files; with --first, of
// the first update, which builds the graphs.

import { Session } from 'node:inspector/promises';
import { relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { decideSettings, NANO_TRAITS } from '../../packages/grpo/src/index.ts';
import { Trainer } from '../../packages/grpo/src/trainer/trainer.ts';
import { LocalShards } from '../../packages/grpo/src/workers/local-shards.ts';
import type { ShardRunner } from '../../packages/grpo/src/workers/shards.ts';
import type { HistoryStrategy } from '../../packages/history/src/index.ts';
import { openLanguageModel } from '../../packages/inference/src/index.ts';
import { openModelFolder } from '../../packages/models/src/node.ts';
import { createRuntime } from '../../packages/runtime/src/node.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const GAME = 'packages/environments/src/tic-tac-toe/';
const OPERATORS = 'packages/graph/';

const { values } = parseArgs({
  options: {
    list: { type: 'boolean', default: false },
    first: { type: 'boolean', default: false },
    history: { type: 'string', default: 'NO_HISTORY' },
  },
});

const session = new Session();
session.connect();
await session.post('Profiler.enable');

/** Source files of which a named function has run since coverage began. */
async function filesThatRan(): Promise<string[]> {
  const { result } = await session.post('Profiler.takePreciseCoverage');
  return result
    .filter(({ url }) => url.startsWith('file:'))
    .filter(({ functions }) =>
      functions.some(({ functionName, ranges }) => functionName !== '' && ranges[0]!.count > 0),
    )
    .map(({ url }) => relative(ROOT, fileURLToPath(url)))
    .filter((path) => /^packages\/[^/]+\/src\//.test(path))
    .sort();
}

const { settings } = decideSettings({
  environment: 'tic_tac_toe',
  given: { steps: 2, batch_size: 8, eval_every: 0, history: values.history as HistoryStrategy },
  model: NANO_TRAITS,
});
const model = await openLanguageModel(
  await openModelFolder(resolve(ROOT, 'packages/nano/model')),
  await createRuntime(),
);
const local = await LocalShards.create(model, settings);
let files: string[] = [];
const runner: ShardRunner = {
  async play(tasks, signal) {
    await session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: false });
    return local.play(tasks, signal);
  },
  async learn(tasks, learner) {
    const learned = await local.learn(tasks, learner);
    files = await filesThatRan();
    await session.post('Profiler.stopPreciseCoverage');
    return learned;
  },
  weightsChanged: () => local.weightsChanged(),
  dispose: () => local.dispose(),
};
const trainer = await Trainer.create(model, settings, runner);
await trainer.runStep();
if (!values.first) await trainer.runStep();
await trainer.dispose();

const within = (folder: string) => files.filter((path) => path.startsWith(folder));
const walked = files.filter((path) => !path.startsWith(GAME) && !path.startsWith(OPERATORS));
if (values.list) console.log(walked.join('\n'));
console.log(`${walked.length} files, ${within(GAME).length} of the game, ${within(OPERATORS).length} of operators`);
