// ludic warmup: supervised training on the replies of a scripted player, before GRPO.

import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { warmStart } from '@ludic/grpo';
import { HISTORY_STRATEGIES, type HistoryStrategy } from '@ludic/history';
import { checkpointFiles } from '@ludic/models';
import { writeFilesAtomically } from '@ludic/models/node';
import { Command, Option } from 'commander';
import { UsageError } from './failure.ts';
import { chooseGame, decimal, envConfigOption, whole } from './input.ts';
import { openModel, readModelFile } from './models.ts';

interface Options {
  readonly model: string;
  readonly env: string;
  readonly envConfig: string;
  readonly history: HistoryStrategy;
  readonly player: string;
  readonly out: string;
  readonly steps: number;
  readonly episodes: number;
  readonly learningRate: number;
  readonly seed: number;
}

const COMPANIONS = [
  'tokenizer.json',
  'tokenizer_config.json',
  'special_tokens_map.json',
  'chat_template.jinja',
  'generation_config.json',
];

export function warmupCommand(): Command {
  return new Command('warmup')
    .description("teach a model the replies of a scripted player: with the random player, a game's reply format alone")
    .requiredOption('--env <id>', 'the game')
    .requiredOption('--out <folder>', 'where the taught model goes')
    .option('--model <name>', 'nano or a model folder to start from', 'nano')
    .addOption(envConfigOption())
    .addOption(
      new Option('--history <strategy>', 'what the policy sees').choices(HISTORY_STRATEGIES).default('NO_HISTORY'),
    )
    .option('--player <name>', 'whose replies are learned', 'random')
    .option('--steps <n>', 'optimizer steps', whole(1), 200)
    .option('--episodes <n>', 'games of a step', whole(1), 64)
    .option('--learning-rate <x>', 'the highest rate of AdamW', decimal(0), 1e-3)
    .option('--seed <n>', 'which games', whole(0), 0)
    .action(run);
}

async function run(options: Options): Promise<void> {
  const { definition, config } = chooseGame(options.env, options.envConfig);
  const player = Object.hasOwn(definition.experts, options.player) ? definition.experts[options.player] : undefined;
  if (!player)
    throw new UsageError(
      `${definition.id} has no player ${options.player}. Known: ${Object.keys(definition.experts).join(', ')}.`,
    );
  if (existsSync(options.out)) throw new UsageError(`${options.out} exists already. Choose another folder.`);
  const model = await openModel(options.model);
  const task = {
    definition,
    config,
    history: options.history,
    makeExpert: () => player(config),
    episodes: options.episodes,
  };
  const { steps, learningRate, seed } = options;
  for await (const { step, loss } of warmStart(model, {
    tasks: [task],
    steps,
    learningRate,
    seed,
    tokenBudget: 8192,
  })) {
    if (step % 10 === 0 || step === steps) console.log(`step ${step}/${steps}  loss ${loss.toFixed(4)}`);
  }
  const files = new Map<string, Uint8Array>(checkpointFiles(model.config, model.parameters));
  for (const name of COMPANIONS) {
    const bytes = await readModelFile(options.model, name);
    if (bytes) files.set(name, bytes);
  }
  await writeFilesAtomically(resolve(options.out), files);
  console.log(`${options.out} holds the taught model.`);
}
