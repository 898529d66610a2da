// Games of nano whose prompts grow, as many at once as a training step plays: 16 groups of 16 games from one start, with
// all their turns. Beside another checkout of this repository, where one is named: the two take turns in one process.
// Run: `npx node bench/growing-prompts.ts [CHECKOUT] [--threads 1] [--rounds 5] [--only HISTORY]`. So that one runtime is
// loaded, node_modules/.pnpm/onnxruntime-node@*/node_modules/onnxruntime-node of one checkout is a link to the other's.

import { resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import type { Episode } from '../packages/rollouts/src/index.ts';
import { median } from './timing.ts';

const GROUPS = 16;
const GROUP_SIZE = 16;

const CASES = [
  { environment: 'key_door', history: 'FULL_HISTORY' },
  { environment: 'key_door', history: 'SCRATCHPAD' },
  { environment: 'tic_tac_toe', history: 'FULL_HISTORY' },
  { environment: 'tic_tac_toe', history: 'SCRATCHPAD' },
] as const;

type Case = (typeof CASES)[number];

/** Plays the games of one step of a training with new weights. */
type Side = (game: Case, step: number) => Promise<readonly Episode[]>;

/** A checkout of this repository, with its own model. */
async function openSide(root: string, threads: number): Promise<Side> {
  const load = (path: string) => import(pathToFileURL(resolve(root, 'packages', path)).href);
  const { findEnvironment, resolveConfig }: typeof import('../packages/environments/src/index.ts') =
    await load('environments/src/index.ts');
  const { openLanguageModel }: typeof import('../packages/inference/src/index.ts') =
    await load('inference/src/index.ts');
  const { openModelFolder }: typeof import('../packages/models/src/node.ts') = await load('models/src/node.ts');
  const { NANO_FOLDER }: typeof import('../packages/nano/src/index.ts') = await load('nano/src/index.ts');
  const { LanguageModelPolicy }: typeof import('../packages/policies/src/index.ts') =
    await load('policies/src/index.ts');
  const { groupStarts, playEpisodes }: typeof import('../packages/rollouts/src/index.ts') =
    await load('rollouts/src/index.ts');
  const { createRuntime }: typeof import('../packages/runtime/src/node.ts') = await load('runtime/src/node.ts');

  const files = await openModelFolder(fileURLToPath(NANO_FOLDER));
  const model = await openLanguageModel(files, await createRuntime({ device: 'cpu', threads }));
  const policies = new Map<string, InstanceType<typeof LanguageModelPolicy>>();
  return ({ environment, history }, step) => {
    const definition = findEnvironment(environment);
    let policy = policies.get(environment);
    if (!policy) {
      policy = new LanguageModelPolicy(model, { temperature: 1, maxCompletionLength: 16, game: definition });
      policies.set(environment, policy);
    }
    policy.weightsChanged();
    const starts = groupStarts({ seed: 5, step, groups: GROUPS, groupSize: GROUP_SIZE });
    return playEpisodes({ environment: definition, config: resolveConfig(definition, {}), history, policy, starts });
  };
}

/** Tokens of all replies, and of what each prompt says beyond the one before it in its game. */
function newTokens(episodes: readonly Episode[]): number {
  let sum = 0;
  for (const { turns } of episodes) {
    let before = new Int32Array();
    for (const { reply } of turns) {
      const { prompt, completion } = reply.tokens!;
      let shared = 0;
      while (shared < before.length && before[shared] === prompt[shared]) shared++;
      sum += prompt.length - shared + completion.length;
      before = Int32Array.of(...prompt, ...completion);
    }
  }
  return sum;
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    threads: { type: 'string', default: '1' },
    rounds: { type: 'string', default: '5' },
    only: { type: 'string', default: '' },
  },
});
const threads = Number(values.threads);
const sides: Side[] = [];
for (const root of [fileURLToPath(new URL('..', import.meta.url)), ...positionals])
  sides.push(await openSide(root, threads));

for (const game of CASES) {
  if (!`${game.environment} ${game.history}`.includes(values.only)) continue;
  const speeds: number[][] = sides.map(() => []);
  let tokens = 0;
  // The first round warms up. Every other round the sides play the other way round.
  for (let round = 0; round <= Number(values.rounds); round++) {
    const order = [...sides.keys()];
    if (round % 2 === 1) order.reverse();
    for (const side of order) {
      const before = performance.now();
      const episodes = await sides[side]!(game, round);
      const seconds = (performance.now() - before) / 1000;
      tokens = newTokens(episodes);
      if (round > 0) speeds[side]!.push(tokens / seconds);
    }
  }
  const [ours, ...others] = speeds as [number[], ...number[][]];
  console.log(
    JSON.stringify({
      ...game,
      threads,
      games: GROUPS * GROUP_SIZE,
      newTokens: tokens,
      tokensPerSecond: Math.round(median(ours)),
      ...(others[0] && {
        otherTokensPerSecond: Math.round(median(others[0])),
        ratio: Number(median(ours.map((speed, i) => speed / others[0]![i]!)).toFixed(2)),
        rounds: ours.map((speed, i) => Number((speed / others[0]![i]!).toFixed(2))),
      }),
    }),
  );
}
console.log(JSON.stringify({ peakMiB: Math.round(process.resourceUsage().maxRSS / 1024) }));
