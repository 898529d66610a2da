// ludic train: GRPO on a model in a game, in a run folder.

import { AUTO_WARM_START, LORA_FIELDS, TEACH } from '@ludic/grpo/internal';
import { HISTORY_STRATEGIES } from '@ludic/history';
import { Command, Option } from 'commander';
import { natsOption } from '../cluster/nats-option.ts';
import { UsageError } from '../failure.ts';
import { agentOption } from '../game-files.ts';
import { modelOption } from '../models/open.ts';
import { deviceOption } from '../options/device.ts';
import { fieldOption, fieldOptions } from '../options/fields.ts';
import { envConfigOption, exportDtypes, whole } from '../options/input.ts';
import { addPlugin } from '../options/plugins.ts';
import { stepTimeoutOption } from '../options/step-timeout.ts';
import { groupOptions, TRAIN_EXAMPLES } from './help.ts';
import { FIELDS, type NewRunOptions, newRun } from './new-run.ts';
import { AUTO, followRecipe } from './recipe.ts';
import { resumedRun } from './resume.ts';
import { type TrackingOptions, trackingOptions, trackingSettings } from './tracking.ts';
import { type Machine, trainInFolder, WORKER_TIMEOUT } from './train-in-folder.ts';

interface TrainCommand extends NewRunOptions, TrackingOptions, Omit<Machine, 'tracking'> {
  readonly out: string;
  readonly resume?: boolean;
}

const { lora_rank, lora_alpha, lora_targets, base_bits } = LORA_FIELDS;

export function trainCommand(): Command {
  const command = new Command('train')
    .description('Train a model in a game with GRPO')
    .requiredOption('--out <folder>', 'Folder of the run: settings, curve, checkpoints, final model')
    .option(
      '--recipe <name>',
      'Settings that train well: auto (the default: chosen for the game and the model), a name from recipes/, or a .json file; options override it',
    )
    .option(
      '--env <id>',
      'Game to train in (needed for a new run); an id of ludic games, a file such as ./my-game.ts, or a package',
    )
    .addOption(agentOption())
    .addOption(envConfigOption())
    .addOption(modelOption(', to start from'))
    .option(
      '--reference <name>',
      'Model that the KL term holds the policy to, kept in the run (default: the model that it starts from)',
    )
    .addOption(fieldOption('lora_rank', lora_rank))
    .addOption(fieldOption('lora_alpha', lora_alpha))
    .addOption(fieldOption('lora_targets', lora_targets))
    .addOption(fieldOption('base_bits', base_bits))
    .option(
      '--warm-start <n>',
      'Supervised steps that teach the reply format before training; auto: only where nearly all replies are invalid',
      warmStartSteps,
    )
    .option(
      '--warm-start-episodes <n>',
      `Games in a step of the warm start (default: ${AUTO_WARM_START.episodes})`,
      whole(1),
    )
    .option(
      '--warm-start-player <name>',
      'Scripted player whose replies are taught; random teaches the format alone (default: random)',
    )
    .addOption(
      new Option(
        '--warm-start-teach <what>',
        'What is learned of its replies: all, or the scratchpads that it writes and nothing of what it plays (default: replies)',
      ).choices(TEACH),
    )
    .addOption(
      new Option(
        '--warm-start-history <history>',
        'The player is the model itself under this history: what it plays there it learns to play under --history',
      ).choices(HISTORY_STRATEGIES),
    )
    .option(
      '--onnx [names]',
      'Write graphs for transformers.js into every checkpoint and final/: fp32, fp16, q4, separated by commas (default: fp32)',
      exportDtypes,
    )
    .option(
      '--resume',
      'Continue the run in the folder with its own settings; some may be changed (--learning-rate and others)',
    )
    .addOption(deviceOption())
    .option(
      '--threads <n>',
      'CPU threads of the network, kept for --resume (default: one per core; with shards 1)',
      whole(1),
    )
    .option(
      '--workers <n>',
      'Processes that share each update; the weights do not depend on their number (default: 1)',
      whole(1),
    )
    .option('--worker-timeout <s>', 'Seconds after which a silent worker is restarted', whole(1), WORKER_TIMEOUT)
    .addOption(natsOption('Share each update with the workers (ludic worker) at this NATS server; docs/cluster.md'))
    .addOption(stepTimeoutOption())
    .option('--json', 'End with one JSON object');
  for (const option of [...trackingOptions(), ...fieldOptions(FIELDS, {})]) command.addOption(option);
  addPlugin(command);
  groupOptions(command);
  return command
    .addHelpText('after', TRAIN_EXAMPLES)
    .action(async (options: TrainCommand & Record<string, unknown>) => {
      if (options.recipe !== undefined) {
        if (options.resume) throw new UsageError('A run that is resumed keeps its own settings: leave --recipe out.');
        if (options.recipe !== AUTO) await followRecipe(command, options.recipe);
      }
      if (options.nats !== undefined && options.workers !== undefined)
        throw new UsageError('With --nats other machines do the work: leave --workers out, and name --shards.');
      const start = options.resume ? await resumedRun(command, options.out) : await newRun(options);
      const tracking = await trackingSettings(options, options.resume ? options.out : undefined);
      const { status } = await trainInFolder(start, options.out, { ...options, tracking });
      if (status === 'interrupted') process.exitCode = 130;
      if (status === 'stopped') process.exitCode = 1;
    });
}

const warmStartSteps = (text: string): number | 'auto' => (text === 'auto' ? text : whole(1)(text));
