// ludic rollout: plays one game and shows it.

import { episodeToJson, transcript } from '@ludic/rollouts';
import { assertRoom } from '@ludic/rollouts/internal';
import { Command } from 'commander';
import { withModelGame } from './models/model-game.ts';
import { openPolicy } from './models/open.ts';
import { withOutsideOptions } from './models/outside-policies.ts';
import { chooseSpec } from './options/input.ts';
import { addPolicyAndGame, addSampling, type PlayingOptions, playOne } from './options/playing.ts';
import { watchGames } from './options/step-timeout.ts';
import { paintPart } from './paint.ts';

export function rolloutCommand(): Command {
  const command = addPolicyAndGame(new Command('rollout').description('Play one game and show it'));
  addSampling(command, {
    seed: 'Seed that decides which game is played',
    temperature: 1,
    trained: 'that of its training',
  })
    .option('--json', 'Print the trajectory as one JSON object')
    .action(async (given: PlayingOptions) => {
      watchGames(given.stepTimeout);
      const options = await withModelGame(command, given, 'look');
      const game = chooseSpec(options.env, options.envConfig, options.history);
      const episode = await playOne(game, await openPolicy(options.model, game, options), options);
      assertRoom([episode]);
      if (!options.json) return console.log(transcript(episode, paintPart));
      // Includes the game, so that the episode can be replayed.
      const { environment, config: environmentConfig, history } = game;
      const played = { environment: environment.id, environmentConfig, history };
      console.log(JSON.stringify({ ...played, ...episodeToJson(episode) }));
    });
  return withOutsideOptions(command);
}
