// ludic play: a person plays in the terminal, or watches a policy play.

import { createInterface } from 'node:readline/promises';
import type { EnvironmentDefinition } from '@ludic/environments';
import type { ModelFiles } from '@ludic/models';
import { isReply, type Policy } from '@ludic/policies';
import type { EnvironmentSpec } from '@ludic/rollouts';
import { Command } from 'commander';
import { UsageError } from './failure.ts';
import { withModelGame } from './models/model-game.ts';
import { adapterOption, openPolicy } from './models/open.ts';
import { POLICY_NAMES, withOutsideOptions } from './models/outside-policies.ts';
import { deviceOption } from './options/device.ts';
import { chooseSpec, decimal, historyOption, playedConfigOption, whole } from './options/input.ts';
import { type PlayingOptions, playOne } from './options/playing.ts';
import { addPlugin } from './options/plugins.ts';
import { stepTimeoutOption, watchGames } from './options/step-timeout.ts';
import { paint } from './paint.ts';

interface PlayFlags extends Omit<PlayingOptions, 'model' | 'topK' | 'topP' | 'maxCompletionLength' | 'json'> {
  readonly watch?: string;
  readonly delay: number;
}

interface PlayCommand extends PlayFlags {
  readonly env: string;
  readonly maxCompletionLength: number;
  readonly files?: ModelFiles;
}

/** Tokens, where a watched model carries no game that says how long a reply may be. */
const LONGEST_REPLY = 64;

export function playCommand(): Command {
  const command = new Command('play')
    .description('Play a game yourself, or watch a policy play it')
    .option(
      '--env <id>',
      'Game to play (default: the one that a watched model was trained in); an id of ludic games, a file such as ./my-game.ts, or a package',
    )
    .addOption(playedConfigOption())
    .option('--watch <model>', `Watch instead of playing: ${POLICY_NAMES}`)
    .addOption(adapterOption())
    .addOption(deviceOption())
    .addOption(historyOption())
    .option('--seed <n>', 'Seed that decides which game is played', whole(0), 0)
    .option(
      '--temperature <x>',
      'Sampling temperature of a watched model (of a trained one: that of its training)',
      decimal(0),
      1,
    )
    .option('--delay <seconds>', 'Pause before each move of a watched player', decimal(0), 0.7)
    .addOption(stepTimeoutOption())
    .action(async (given: PlayFlags) => {
      watchGames(given.stepTimeout);
      const options = await withGame(command, given);
      const game = chooseSpec(options.env, options.envConfig, options.history);
      console.log(`${paint('dim', game.environment.systemPrompt(game.config))}\n`);
      const policy = options.watch === undefined ? person(game) : await watched(options.watch, game, options);
      const episode = await playOne(game, policy, options);
      const last = episode.endReason === 'failed' ? `The game failed: ${episode.error}` : episode.finalObservation;
      const end = `${episode.outcome ?? episode.endReason} after ${episode.turns.length} steps, reward ${Number(episode.reward.toFixed(4))}`;
      console.log(`\n${last}\n${paint('yellow', end)}`);
    });
  return withOutsideOptions(addPlugin(command));
}

async function withGame(command: Command, given: PlayFlags): Promise<PlayCommand> {
  const options = { ...given, maxCompletionLength: LONGEST_REPLY };
  if (given.watch !== undefined) return withModelGame(command, { ...options, model: given.watch }, 'look');
  if (given.env === undefined)
    throw new UsageError(
      '--env is needed: which game do you want to play? an id of ludic games, a file such as ./my-game.ts, or a package.',
    );
  return { ...options, env: given.env };
}

/** Asks for each action and puts it into the game's tag where the person typed none. */
function person({ environment: { replyTag } }: EnvironmentSpec<EnvironmentDefinition>): Policy {
  const lines = createInterface({ input: process.stdin, output: process.stdout });
  const inputs = lines[Symbol.asyncIterator]();
  return {
    name: 'person',
    async act(prompts) {
      console.log(prompts[0]!.messages.at(-1)!.content);
      process.stdout.write(paint('cyan', `${replyTag}> `));
      const { value, done } = await inputs.next();
      if (done) {
        console.log();
        process.exit(0);
      }
      const text = value.includes('<') ? value : `<${replyTag}>${value.trim()}</${replyTag}>`;
      console.log();
      return [{ text, finish: 'stop' }];
    },
    dispose: () => lines.close(),
  };
}

async function watched(
  name: string,
  game: EnvironmentSpec<EnvironmentDefinition>,
  { delay, ...options }: PlayCommand,
): Promise<Policy> {
  const policy = await openPolicy(name, game, { ...options, topK: 0, topP: 1 });
  return {
    ...policy,
    name,
    async act(prompts) {
      console.log(prompts[0]!.messages.at(-1)!.content);
      await new Promise((resolve) => setTimeout(resolve, 1000 * delay));
      const replies = await policy.act(prompts);
      const [reply] = replies;
      if (isReply(reply!)) console.log(`${paint('cyan', `→ ${reply!.text}`)}\n`);
      return replies;
    },
    dispose: () => policy.dispose(),
  };
}
