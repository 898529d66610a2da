// Makes the files of nano again from nothing: the tokenizer, then weights by supervised training on random legal replies.

import { type WarmStartStep, warmStart } from '@ludic/grpo';
import { checkpointFiles, type FileContent, initialParameters, makeChatTemplate, makeTokenizer } from '@ludic/models';
import { ResidentTensors, type Runtime } from '@ludic/runtime';
import { formatTasks, NANO_CHAT_TEMPLATE, NANO_TOKENIZER_CONFIG, nanoConfig, nanoTokenizer } from './nano.ts';

/** How long nano is trained, and on which runtime. */
export interface MakeNanoOptions {
  readonly runtime: Runtime;
  /** Optimizer steps; the shipped weights took 500. */
  readonly steps: number;
  readonly onStep?: (step: WarmStartStep) => void;
}

/** The files of the model's folder, in Hugging Face layout. */
export async function makeNano({ runtime, steps, onStep }: MakeNanoOptions): Promise<ReadonlyMap<string, FileContent>> {
  const tokenizerJson = await nanoTokenizer();
  const { added_tokens: added } = tokenizerJson as { added_tokens: { id: number }[] };
  // The tokens that were added last have the highest ids.
  const vocabulary = Math.max(...added.map(({ id }) => id)) + 1;
  // A multiple of eight suits the products of the head.
  const config = nanoConfig(Math.ceil(vocabulary / 8) * 8);
  const parameters = await ResidentTensors.of(runtime, initialParameters(config, 0));
  const model = {
    name: 'nano',
    runtime,
    config,
    parameters,
    tokenizer: makeTokenizer(tokenizerJson, NANO_TOKENIZER_CONFIG, 'nano'),
    template: makeChatTemplate(NANO_CHAT_TEMPLATE),
  };
  // Games of a step. Which cells are free is the hardest part of the format; KeyDoor's games are long.
  const tasks = formatTasks((environment, history) => {
    if (environment === 'key_door') return 2;
    return history === 'NO_HISTORY' ? 192 : 48;
  });
  // A high rate for few steps: nothing is there yet that could be unlearned.
  for await (const step of warmStart(model, { tasks, steps, learningRate: 3e-3, seed: 0, tokenBudget: 8192 })) {
    onStep?.(step);
  }
  const json = (value: unknown) => `${JSON.stringify(value, null, 1)}\n`;
  return new Map<string, FileContent>([
    ...checkpointFiles(config, await parameters.download()),
    ['tokenizer.json', json(tokenizerJson)],
    ['tokenizer_config.json', json(NANO_TOKENIZER_CONFIG)],
    ['generation_config.json', json({ eos_token_id: 1, pad_token_id: 0 })],
  ]);
}
