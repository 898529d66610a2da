// GRPO in one sitting: the whole loop, from the same functions as the trainer, without run folders, evaluation,
// resume or options. Run it with: npx node packages/grpo/examples/minimal.ts
//
// One step is: groups of games from identical starts → one advantage per game → the clipped loss over all sampled
// tokens → one AdamW update. What it leaves out beside the trainer: credit to single turns, a reference model, several
// passes over a batch, schedules, checkpoints.

import { fileURLToPath } from 'node:url';
import { findEnvironment, resolveConfig } from '@ludic/environments';
import { openLanguageModel } from '@ludic/inference';
import { openModelFolder } from '@ludic/models/node';
import { LanguageModelPolicy } from '@ludic/policies';
import { groupStarts, playEpisodes } from '@ludic/rollouts';
import { createRuntime } from '@ludic/runtime/node';
import { DEFAULT_ADAMW, DEFAULT_LOSS, groupAdvantages, Learner, type Sample, tokenWeights } from '../src/index.ts';

const STEPS = Number(process.argv[2] ?? 40);
const GROUPS = 16;
const GROUP_SIZE = 64;
const SEED = 0;

// The game, the model, and the two things that hold its weights: a policy that samples, a learner that changes them.
const definition = findEnvironment('tic_tac_toe');
const config = resolveConfig(definition, { invalid_penalty: 0.3 });
const nano = fileURLToPath(new URL('../../nano/model/', import.meta.url));
const model = await openLanguageModel(await openModelFolder(nano), await createRuntime());
const policy = new LanguageModelPolicy(model, {
  temperature: 1, // log π is taken at the temperature that sampled
  maxCompletionLength: 16,
  game: definition, // a reply ends with the game's closing tag
});
const learner = new Learner({
  ...model,
  objective: DEFAULT_LOSS,
  adamw: DEFAULT_ADAMW,
  temperature: 1,
  tokenBudget: 16_384,
});

for (let step = 1; step <= STEPS; step++) {
  // 1. Play. All members of a group start from the identical board; every episode has random numbers of its own.
  const starts = groupStarts({ seed: SEED, step, groups: GROUPS, groupSize: GROUP_SIZE });
  const episodes = await playEpisodes({ environment: definition, config, history: 'NO_HISTORY', policy, starts });

  // 2. How much better was each game than the others of its group?
  const rewards = episodes.map((episode) => episode.reward);
  const groups = episodes.map((_, i) => Math.floor(i / GROUP_SIZE));
  const { values: advantages } = groupAdvantages(rewards, groups, 'group');

  // 3. Every sampled reply becomes a sample: its tokens, the log-probabilities it was sampled with, and the advantage of
  //    its game. The weight makes the loss a mean over all sampled tokens of the batch.
  const tokenCounts = episodes.map(({ turns }) =>
    turns.reduce((sum, { reply }) => sum + reply.tokens!.completion.length, 0),
  );
  const batchTokens = tokenCounts.reduce((a, b) => a + b, 0);
  const weights = tokenWeights(tokenCounts, { lossType: DEFAULT_LOSS.lossType, maxCompletionLength: 16, batchTokens });
  const samples = episodes.flatMap((episode, i) =>
    episode.turns.map(({ reply }): Sample => {
      const { prompt, completion, logprobs } = reply.tokens!;
      return { prompt, completion, oldLogprobs: logprobs, advantage: advantages[i]!, weight: weights[i]! };
    }),
  );

  // 4. Gradients summed over micro-batches, then one update. The policy forgets what it computed with the old weights.
  await learner.accumulate(samples);
  const norm = await learner.step(1e-3);
  policy.weightsChanged();

  const wins = episodes.filter((episode) => episode.outcome === 'win').length / episodes.length;
  console.log(`step ${step}  won ${(100 * wins).toFixed(1)} %  gradient norm ${norm.toFixed(3)}`);
}
