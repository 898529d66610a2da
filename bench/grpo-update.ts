// One GRPO update of nano (sampling, advantages, gradient, AdamW), beside TRL's GRPOTrainer on the same checkpoint,
// prompts, batch and completion length. Run: `node bench/grpo-update.ts`.

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findEnvironment, resolveConfig } from '../packages/environments/src/index.ts';
import {
  DEFAULT_ADAMW,
  DEFAULT_LOSS,
  groupAdvantages,
  Learner,
  type Sample,
  tokenWeights,
} from '../packages/grpo/src/index.ts';
import type { Message } from '../packages/history/src/index.ts';
import { openModelFolder } from '../packages/models/src/node.ts';
import { NANO_FOLDER } from '../packages/nano/src/index.ts';
import {
  type LanguageModel,
  LanguageModelPolicy,
  openLanguageModel,
  scriptedPolicy,
} from '../packages/policies/src/index.ts';
import { stream } from '../packages/random/src/index.ts';
import { evaluationStarts, playEpisodes } from '../packages/rollouts/src/index.ts';
import { createRuntime } from '../packages/runtime/src/node.ts';
import { runPython, type Skipped } from './python.ts';
import { median, timed } from './timing.ts';

const THREADS = 2;
const PROMPTS = 32;
const PROMPT_LENGTH = 32;
const GROUP_SIZE = 8;
const COMPLETION_LENGTH = 8;
const UPDATES = 9;

const definition = findEnvironment('key_door');
const config = resolveConfig(definition, {});

/** Different conversations of about 32 tokens, as a random player leads them. */
async function differentPrompts({ tokenizer, template }: LanguageModel): Promise<readonly (readonly Message[])[]> {
  const policy = scriptedPolicy('random', () => definition.experts.random!(config));
  const starts = evaluationStarts(0, 2 * PROMPTS);
  const episodes = await playEpisodes({ definition, config, history: 'FULL_HISTORY', policy, starts });
  const length = (messages: readonly Message[]) =>
    tokenizer.encode(template.render(messages, { addGenerationPrompt: true })).length;
  const prompts = episodes.flatMap(({ turns }) => {
    const fitting = turns.find(({ prompt }) => length(prompt) >= PROMPT_LENGTH - 4);
    return fitting && length(fitting.prompt) <= PROMPT_LENGTH + 4 ? [fitting.prompt] : [];
  });
  if (prompts.length < PROMPTS) throw new Error(`only ${prompts.length} prompts of about ${PROMPT_LENGTH} tokens`);
  return prompts.slice(0, PROMPTS);
}

export async function benchGrpoUpdate() {
  const folder = fileURLToPath(NANO_FOLDER);
  const runtime = await createRuntime({ device: 'cpu', threads: THREADS });
  const model = await openLanguageModel(await openModelFolder(folder), runtime);
  const prompts = await differentPrompts(model);
  const policy = new LanguageModelPolicy(model, {
    temperature: 1,
    topK: 0,
    topP: 1,
    maxCompletionLength: COMPLETION_LENGTH,
    stop: [],
  });
  const learner = new Learner({
    ...model,
    objective: DEFAULT_LOSS,
    adamw: DEFAULT_ADAMW,
    temperature: 1,
    tokenBudget: 65_536,
  });
  const environment = definition.create(config);
  let updates = 0;
  const update = async () => {
    updates++;
    const asked = prompts.flatMap((messages, p) =>
      Array.from({ length: GROUP_SIZE }, (_, g) => ({
        messages,
        episode: {},
        random: stream('update', updates, p, g),
        environment,
      })),
    );
    const replies = await policy.act(asked);
    const rewards = replies.map(({ tokens }) => tokens!.completion.reduce((a, b) => a + b, 0) % 7);
    const groups = replies.map((_, i) => Math.floor(i / GROUP_SIZE));
    const { values } = groupAdvantages(rewards, groups, 'group');
    const counts = replies.map(({ tokens }) => tokens!.completion.length);
    const batchTokens = counts.reduce((a, b) => a + b, 0);
    const weights = tokenWeights(counts, {
      lossType: DEFAULT_LOSS.lossType,
      maxCompletionLength: COMPLETION_LENGTH,
      batchTokens,
    });
    const samples = replies.map(({ tokens }, i): Sample => {
      const { prompt, completion, logprobs } = tokens!;
      return { prompt, completion, oldLogprobs: logprobs, advantage: values[i]!, weight: weights[i]! };
    });
    await learner.accumulate(samples);
    await learner.step(1e-4);
    policy.weightsChanged();
  };
  const seconds = median(await timed(UPDATES, update));
  policy.dispose();
  await learner.dispose();

  const scratch = await mkdtemp(join(tmpdir(), 'ludic-trl-'));
  const task = {
    model: folder,
    prompts: prompts.map((messages) => model.template.render(messages, { addGenerationPrompt: true })),
    group_size: GROUP_SIZE,
    completion_length: COMPLETION_LENGTH,
    updates: UPDATES,
    scratch,
  };
  await writeFile(join(scratch, 'task.json'), JSON.stringify(task));
  const trl = runPython('./trl_update.py', [join(scratch, 'task.json'), String(THREADS)], 'trl');
  await rm(scratch, { recursive: true, force: true });
  const samples = PROMPTS * GROUP_SIZE;
  return {
    samples,
    milliseconds: seconds * 1000,
    samplesPerSecond: samples / seconds,
    trl:
      'skipped' in trl
        ? (trl satisfies Skipped)
        : {
            version: trl.version,
            milliseconds: trl.seconds * 1000,
            samplesPerSecond: samples / trl.seconds,
            ratio: trl.seconds / seconds,
          },
  };
}

if (import.meta.main) console.log(JSON.stringify(await benchGrpoUpdate(), null, 1));
