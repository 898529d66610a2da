// A group of 64 games of nano from one start, beside transformers.js `generate` on the same exported model for the same
// prompts. Run: `npx node bench/rollouts.ts`.

import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findEnvironment, resolveConfig } from '../packages/environments/src/index.ts';
import { type LanguageModel, openLanguageModel } from '../packages/inference/src/index.ts';
import { buildExport } from '../packages/models/src/index.ts';
import { openModelFolder } from '../packages/models/src/node.ts';
import { NANO_FOLDER } from '../packages/nano/src/index.ts';
import { type GamePrompt, isReply, LanguageModelPolicy, type Reply } from '../packages/policies/src/index.ts';
import { groupStarts, playEpisodes } from '../packages/rollouts/src/index.ts';
import { createRuntime } from '../packages/runtime/src/node.ts';
import { median } from './timing.ts';

const THREADS = 2;
const ROWS = 64;
const ROUNDS = 5;
const STEPS = 16;

const CASES = [
  { environment: 'tic_tac_toe', history: 'NO_HISTORY' },
  { environment: 'tic_tac_toe', history: 'FULL_HISTORY' },
  { environment: 'tic_tac_toe', history: 'SCRATCHPAD' },
  { environment: 'key_door', history: 'NO_HISTORY' },
  { environment: 'key_door', history: 'FULL_HISTORY' },
  { environment: 'key_door', history: 'SCRATCHPAD' },
] as const;

/** One turn of all running games: what they were asked, and how long the longest reply was. */
interface Turn {
  readonly texts: readonly string[];
  readonly longestReply: number;
}

interface Round {
  readonly seconds: number;
  readonly turns: readonly Turn[];
  /** Tokens of all replies. */
  readonly tokens: number;
}

/** A group of 64 games from one start, as the trainer plays them: environments, histories and sampling included. */
async function ourRound(
  model: LanguageModel,
  policy: LanguageModelPolicy,
  { environment, history }: (typeof CASES)[number],
): Promise<Round> {
  const definition = findEnvironment(environment);
  const config = resolveConfig(definition, { max_steps: STEPS });
  const asked: { prompts: readonly GamePrompt[]; replies: readonly Reply[] }[] = [];
  // Nothing is remembered from the round before, as after an update of the weights.
  policy.weightsChanged();
  const before = performance.now();
  await playEpisodes({
    environment: definition,
    config,
    history,
    policy: {
      name: 'nano',
      async act(prompts) {
        const replies = (await policy.act(prompts)).filter(isReply);
        asked.push({ prompts, replies });
        return replies;
      },
      dispose() {},
    },
    starts: groupStarts({ seed: 5, step: 1, groups: 1, groupSize: ROWS }),
  });
  const seconds = (performance.now() - before) / 1000;
  const lengths = asked.map(({ replies }) => replies.map(({ tokens }) => tokens!.completion.length));
  return {
    seconds,
    turns: asked.map(({ prompts }, i) => ({
      texts: prompts.map(({ messages }) => model.template.render(messages, { addGenerationPrompt: true })),
      longestReply: Math.max(...lengths[i]!),
    })),
    tokens: lengths.flat().reduce((a, b) => a + b, 0),
  };
}

/** A function that plays one round in transformers.js. */
async function peer(
  model: LanguageModel,
): Promise<{ seconds: (turns: readonly Turn[]) => Promise<number>; close: () => Promise<void> }> {
  const { AutoModelForCausalLM, AutoTokenizer, env } = await import('@huggingface/transformers');
  const folder = await mkdtemp(join(tmpdir(), 'ludic-bench-'));
  await cp(fileURLToPath(NANO_FOLDER), join(folder, 'nano'), { recursive: true });
  await mkdir(join(folder, 'nano', 'onnx'));
  await writeFile(
    join(folder, 'nano', 'onnx', 'model.onnx'),
    buildExport(model.config, await model.parameters.download()),
  );
  env.allowRemoteModels = false;
  env.localModelPath = folder;
  const tokenizer = await AutoTokenizer.from_pretrained('nano');
  tokenizer.padding_side = 'left';
  const generator = await AutoModelForCausalLM.from_pretrained('nano', {
    dtype: 'fp32',
    device: 'cpu',
    // As our own sessions: else its threads would go on spinning while ours run.
    session_options: {
      intraOpNumThreads: THREADS,
      logSeverityLevel: 3,
      extra: { session: { force_spinning_stop: '1' } },
    },
  });
  return {
    // It is told how long the longest reply will be: it writes no token in vain.
    async seconds(turns) {
      const before = performance.now();
      for (const { texts, longestReply } of turns) {
        const inputs = tokenizer([...texts], { padding: true, add_special_tokens: false });
        await generator.generate({ ...inputs, max_new_tokens: longestReply, do_sample: true });
      }
      return (performance.now() - before) / 1000;
    },
    async close() {
      await generator.dispose();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

export interface RolloutSpeed {
  readonly environment: string;
  readonly history: string;
  /** Tokens of replies in a round. */
  readonly tokens: number;
  readonly tokensPerSecond: number;
  readonly transformersJsTokensPerSecond: number;
  readonly ratio: number;
}

export async function benchRollouts(): Promise<readonly RolloutSpeed[]> {
  const files = await openModelFolder(fileURLToPath(NANO_FOLDER));
  const model = await openLanguageModel(files, await createRuntime({ device: 'cpu', threads: THREADS }));
  const transformersJs = await peer(model);
  const speeds: RolloutSpeed[] = [];
  for (const game of CASES) {
    const { replyTag } = findEnvironment(game.environment);
    const policy = new LanguageModelPolicy(model, {
      temperature: 1,
      topK: 0,
      topP: 1,
      maxCompletionLength: 64,
      stop: [`</${replyTag}>`],
    });
    const rounds: { ours: number; theirs: number; tokens: number }[] = [];
    // Turn and turn about, so that a busy machine slows both alike; the first round warms up.
    for (let round = 0; round <= ROUNDS; round++) {
      const ours = await ourRound(model, policy, game);
      const theirs = await transformersJs.seconds(ours.turns);
      if (round > 0) rounds.push({ ours: ours.seconds, theirs, tokens: ours.tokens });
    }
    policy.dispose();
    speeds.push({
      ...game,
      tokens: rounds[0]!.tokens,
      tokensPerSecond: median(rounds.map(({ tokens, ours }) => tokens / ours)),
      transformersJsTokensPerSecond: median(rounds.map(({ tokens, theirs }) => tokens / theirs)),
      ratio: median(rounds.map(({ ours, theirs }) => theirs / ours)),
    });
  }
  await transformersJs.close();
  return speeds;
}

if (import.meta.main) console.log(JSON.stringify(await benchRollouts(), null, 1));
