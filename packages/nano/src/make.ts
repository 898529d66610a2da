// Makes the files of nano again from nothing: node packages/nano/src/make.ts [folder] [steps]

import { fileURLToPath } from 'node:url';
import { warmStart } from '@ludic/grpo';
import { checkpointFiles, initialParameters, makeChatTemplate, makeTokenizer } from '@ludic/models';
import { writeFilesAtomically } from '@ludic/models/node';
import { createRuntime } from '@ludic/runtime/node';
import { NANO_FOLDER } from './index.ts';
import { formatTasks, NANO_CHAT_TEMPLATE, NANO_TOKENIZER_CONFIG, nanoConfig, nanoTokenizer } from './recipe.ts';

const [folder = fileURLToPath(NANO_FOLDER), steps = '500'] = process.argv.slice(2);
const json = (value: unknown) => `${JSON.stringify(value, null, 1)}\n`;

const tokenizerJson = await nanoTokenizer();
const tokenizer = makeTokenizer(tokenizerJson, NANO_TOKENIZER_CONFIG, 'nano');
const { added_tokens: added } = tokenizerJson as { added_tokens: { id: number }[] };
const config = nanoConfig(Math.ceil((Math.max(...added.map(({ id }) => id)) + 1) / 8) * 8);
const model = {
  name: 'nano',
  runtime: await createRuntime({ device: 'cpu' }),
  config,
  parameters: initialParameters(config, 0),
  tokenizer,
  template: makeChatTemplate(NANO_CHAT_TEMPLATE),
};
console.log(
  `vocabulary ${config.vocabSize}, ${Object.values(model.parameters).reduce((sum, { data }) => sum + data.length, 0)} parameters`,
);

/** Games of a step. Which cells are free is the hardest part of the format; KeyDoor's games are long. */
const tasks = formatTasks((environment, history) => {
  if (environment === 'key_door') return 2;
  return history === 'NO_HISTORY' ? 192 : 48;
});
const began = performance.now();
for await (const { step, loss, replies } of warmStart(model, {
  tasks,
  steps: Number(steps),
  learningRate: 3e-3,
  seed: 0,
  tokenBudget: 8192,
})) {
  if (step % 10 === 0)
    console.log(
      `step ${step} of ${steps}  loss ${loss.toFixed(4)}  ${replies} replies  ${((performance.now() - began) / 1000).toFixed(0)} s`,
    );
}

await writeFilesAtomically(
  folder.replace(/\/$/, ''),
  new Map<string, string | Uint8Array>([
    ...checkpointFiles(config, model.parameters),
    ['tokenizer.json', json(tokenizerJson)],
    ['tokenizer_config.json', json(NANO_TOKENIZER_CONFIG)],
    ['generation_config.json', json({ eos_token_id: 1, pad_token_id: 0 })],
  ]),
  { replace: true },
);
