// ludic rollout: one game, to look at.

import type { HistoryStrategy } from '@ludic/history';
import { assertRoom, episodeToJson, evaluationStarts, playEpisodes, transcript } from '@ludic/rollouts';
import { Command } from 'commander';
import { withModelGame } from './models/model-game.ts';
import { adapterOption, openPolicy } from './models/open.ts';
import { type OutsideOptions, POLICY_NAMES, withOutsideOptions } from './models/outside-policies.ts';
import { type DeviceChoice, deviceOption } from './options/device.ts';
import { chooseGame, decimal, historyOption, playedConfigOption, replyLengthOption, whole } from './options/input.ts';
import { stepTimeoutOption, watchGames } from './options/step-timeout.ts';
import { paintPart } from './paint.ts';

interface Options extends OutsideOptions {
  readonly model: string;
  readonly env?: string;
  readonly envConfig: string;
  readonly history: HistoryStrategy;
  readonly seed: number;
  readonly temperature: number;
  readonly topK: number;
  readonly topP: number;
  readonly maxCompletionLength: number;
  readonly adapter?: string;
  readonly device: DeviceChoice;
  readonly stepTimeout: number;
  readonly json?: boolean;
}

export function rolloutCommand(): Command {
  const command = new Command('rollout')
    .description('Play one game and show it')
    .option('--env <id>', 'Game to play (default: the one that the model was trained in); ludic games lists them')
    .option('--model <name>', `Policy that plays: ${POLICY_NAMES}`, 'nano')
    .addOption(adapterOption())
    .addOption(deviceOption())
    .addOption(playedConfigOption())
    .addOption(historyOption())
    .option('--seed <n>', 'Seed that decides which game is played', whole(0), 0)
    .option(
      '--temperature <x>',
      'Sampling temperature; 0 takes the most likely token (of a trained model: that of its training)',
      decimal(0),
      1,
    )
    .option('--top-k <n>', 'Sample among the k most likely tokens; 0: all', whole(0), 0)
    .option('--top-p <x>', 'Sample among the most likely tokens that reach this probability', decimal(0, 1), 1)
    .addOption(replyLengthOption())
    .addOption(stepTimeoutOption())
    .option('--json', 'Print the trajectory as one JSON object')
    .action(async (given: Options) => {
      watchGames(given.stepTimeout);
      const options = await withModelGame(command, given, 'look');
      const game = chooseGame(options.env, options.envConfig);
      const policy = await openPolicy(options.model, game, options);
      const [episode] = await playEpisodes({
        definition: game.definition,
        config: game.config,
        history: options.history,
        policy,
        starts: evaluationStarts(options.seed, 1),
      });
      policy.dispose();
      assertRoom([episode!]);
      if (!options.json) return console.log(transcript(episode!, paintPart));
      // With its game, so that it can be played again.
      const { definition, config: environmentConfig } = game;
      const played = { environment: definition.id, environmentConfig, history: options.history };
      console.log(JSON.stringify({ ...played, ...episodeToJson(episode!) }));
    });
  return withOutsideOptions(command);
}
