// ludic warmup: supervised training on the replies of a scripted player, before GRPO; without a game, nano from nothing.

import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { type WarmStartStep, warmStart } from '@ludic/grpo';
import { TAUGHT_MISTAKES } from '@ludic/grpo/internal';
import { HISTORY_STRATEGIES, type HistoryStrategy } from '@ludic/history';
import { openLanguageModel } from '@ludic/inference';
import { completeTokenizerFiles, type FolderFiles, folderFiles } from '@ludic/models';
import { writeFilesAtomically } from '@ludic/models/node';
import { makeNano } from '@ludic/nano/make';
import { createRuntime } from '@ludic/runtime/node';
import { Command, Option } from 'commander';
import { UsageError } from './failure.ts';
import { modelOption, openFiles } from './models/open.ts';
import { chooseSpec, decimal, envConfigOption, whole } from './options/input.ts';
import { stepTimeoutOption, watchGames } from './options/step-timeout.ts';

interface WarmupCommand {
  readonly model: string;
  readonly env?: string;
  readonly envConfig: string;
  readonly history: HistoryStrategy;
  readonly player: string;
  readonly out: string;
  readonly steps?: number;
  readonly episodes: number;
  readonly learningRate: number;
  readonly seed: number;
  readonly stepTimeout: number;
}

/** Default steps of making nano, and of teaching one game. */
const NANO_STEPS = 500;
const GAME_STEPS = 200;

export function warmupCommand(): Command {
  const command = new Command('warmup')
    .description(
      "Teach a model the replies of a scripted player (of the random player: a game's reply format alone); without --env, make nano again from nothing",
    )
    .requiredOption('--out <folder>', 'Folder that the taught model is written to')
    .option('--env <id>', 'Game to play; an id of ludic games, a file such as ./my-game.ts, or a package')
    .addOption(modelOption(', to start from'))
    .addOption(envConfigOption())
    .addOption(
      new Option('--history <strategy>', 'What the policy sees of an episode')
        .choices(HISTORY_STRATEGIES)
        .default('NO_HISTORY'),
    )
    .option('--player <name>', 'Scripted player whose replies are learned', 'random')
    .option('--steps <n>', `Optimizer steps (default: ${GAME_STEPS}; for nano ${NANO_STEPS})`, whole(1))
    .option('--episodes <n>', 'Games in a step', whole(1), 64)
    .option('--learning-rate <x>', 'Highest learning rate of AdamW', decimal(0), 1e-3)
    .option('--seed <n>', 'Seed that decides which games are played', whole(0), 0)
    .addOption(stepTimeoutOption());
  return command.action(async (options: WarmupCommand) => {
    if (existsSync(options.out)) throw new UsageError(`${options.out} exists already. Choose another folder.`);
    if (options.env === undefined) refuseGameOptions(command);
    watchGames(options.stepTimeout);
    const files =
      options.env === undefined ? await nanoFromNothing(options) : await taughtModel({ ...options, env: options.env });
    await writeFilesAtomically(resolve(options.out), files);
    console.log(`${options.out} holds the taught model.`);
  });
}

/** Without a game, options that describe one are a mistake. */
function refuseGameOptions(command: Command): void {
  for (const option of command.options) {
    const name = option.attributeName();
    if (name !== 'out' && name !== 'steps' && command.getOptionValueSource(name) === 'cli')
      throw new UsageError(`${option.long} needs --env: without a game, nano is made again by its own recipe.`);
  }
}

async function nanoFromNothing({ steps = NANO_STEPS }: WarmupCommand): Promise<FolderFiles> {
  return makeNano({ runtime: await createRuntime({ device: 'cpu' }), steps, onStep: (step) => say(step, steps) });
}

async function taughtModel(options: WarmupCommand & { readonly env: string }): Promise<FolderFiles> {
  const spec = chooseSpec(options.env, options.envConfig, options.history);
  const { environment: definition, config } = spec;
  const player = Object.hasOwn(definition.experts, options.player) ? definition.experts[options.player] : undefined;
  if (!player)
    throw new UsageError(
      `${definition.id} has no player ${options.player}. Known: ${Object.keys(definition.experts).join(', ')}.`,
    );
  const files = await openFiles(options.model);
  const model = await openLanguageModel(files, await createRuntime());
  const { episodes, steps = GAME_STEPS, learningRate, seed } = options;
  const makeExpert = () => player(config);
  const task = { ...spec, makeExpert, episodes, mistakes: TAUGHT_MISTAKES };
  for await (const step of warmStart(model, { tasks: [task], steps, learningRate, seed, tokenBudget: 8192 }))
    say(step, steps);
  return folderFiles(model.config, await model.parameters.download(), await completeTokenizerFiles(files));
}

function say({ step, loss }: WarmStartStep, steps: number): void {
  if (step % 10 === 0 || step === steps) console.log(`step ${step}/${steps}  loss ${loss.toFixed(4)}`);
}
