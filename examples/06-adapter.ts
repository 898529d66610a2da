// A LoRA adapter: trained in place of the model, kept in the layout of PEFT, and loaded over its base model.
// npx node examples/06-adapter.ts runs/adapter

import { join } from 'node:path';
import {
  createRuntime,
  decideSettings,
  evaluate,
  findEnvironment,
  LanguageModelPolicy,
  NANO_TRAITS,
  openAdapterFolder,
  openLanguageModel,
  openModel,
  resolveConfig,
  runTraining,
} from 'ludic';

const [folder = 'runs/adapter', steps = '5'] = process.argv.slice(2);
const runtime = await createRuntime();
const { settings } = decideSettings({
  environment: 'tic_tac_toe',
  given: { steps: Number(steps), batch_size: 64, lora_rank: 8 },
  model: NANO_TRAITS,
});
await runTraining({ kind: 'new', model: 'nano', settings }, { folder, runtime });

// final/ holds the whole model with the adapter worked in, and final/adapter the adapter alone.
const adapter = await openAdapterFolder(join(folder, 'final/adapter'));
const model = await openLanguageModel(await openModel('nano'), runtime, { adapter });
const definition = findEnvironment('tic_tac_toe');
const policy = new LanguageModelPolicy(model, { temperature: 0, maxCompletionLength: 16, game: definition });
const config = resolveConfig(definition, settings.environmentConfig);
const result = await evaluate({
  environment: definition,
  config,
  history: settings.history,
  policy,
  episodes: 100,
  seed: 1,
});
console.log(`nano with the adapter wins ${result.win_rate} of 100 games.`);
policy.dispose();
