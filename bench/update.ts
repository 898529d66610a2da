// A GRPO update in two halves that can be timed apart: replies to prompts, and what is learned from them.

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
import type { LanguageModel } from '../packages/inference/src/index.ts';
import { isReply, LanguageModelPolicy, type Reply } from '../packages/policies/src/index.ts';
import { stream } from '../packages/random/src/index.ts';

export interface UpdateSizes {
  readonly groupSize: number;
  readonly completionLength: number;
  readonly tokenBudget: number;
}

export interface Update {
  /** `groupSize` replies to each prompt. */
  sample(): Promise<readonly Reply[]>;
  /** Gradient and AdamW. What rewards say is not measured: any cheap one that differs within a group. */
  learn(replies: readonly Reply[]): Promise<void>;
  dispose(): Promise<void>;
}

export function grpoUpdate(
  model: LanguageModel,
  prompts: readonly (readonly Message[])[],
  { groupSize, completionLength, tokenBudget }: UpdateSizes,
): Update {
  const policy = new LanguageModelPolicy(model, {
    temperature: 1,
    topK: 0,
    topP: 1,
    maxCompletionLength: completionLength,
    stop: [],
  });
  const learner = new Learner({ ...model, objective: DEFAULT_LOSS, adamw: DEFAULT_ADAMW, temperature: 1, tokenBudget });
  const definition = findEnvironment('key_door');
  const environment = definition.create(resolveConfig(definition, {}));
  let updates = 0;
  return {
    async sample() {
      updates++;
      const asked = prompts.flatMap((messages, p) =>
        Array.from({ length: groupSize }, (_, g) => ({
          messages,
          episode: {},
          random: stream('update', updates, p, g),
          environment,
        })),
      );
      return (await policy.act(asked)).filter(isReply);
    },
    async learn(replies) {
      const rewards = replies.map(({ tokens }) => tokens!.completion.reduce((a, b) => a + b, 0) % 7);
      const groups = replies.map((_, i) => Math.floor(i / groupSize));
      const { values } = groupAdvantages(rewards, groups, 'group');
      const counts = replies.map(({ tokens }) => tokens!.completion.length);
      const weights = tokenWeights(counts, {
        lossType: DEFAULT_LOSS.lossType,
        maxCompletionLength: completionLength,
        batchTokens: counts.reduce((a, b) => a + b, 0),
      });
      const samples = replies.map(({ tokens }, i): Sample => {
        const { prompt, completion, logprobs } = tokens!;
        return { prompt, completion, oldLogprobs: logprobs, advantage: values[i]!, weight: weights[i]! };
      });
      await learner.accumulate(samples);
      await learner.step(1e-4);
      policy.weightsChanged();
    },
    async dispose() {
      policy.dispose();
      await learner.dispose();
    },
  };
}
