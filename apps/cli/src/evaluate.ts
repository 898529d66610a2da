// ludic evaluate: how good a policy is at a game.

import type { HistoryStrategy } from '@ludic/history';
import type { ModelFiles } from '@ludic/models';
import { type Evaluation, evaluate, type Interval } from '@ludic/rollouts';
import { Command } from 'commander';
import { withModelGame } from './models/model-game.ts';
import { adapterOption, openPolicy } from './models/open.ts';
import { type OutsideOptions, POLICY_NAMES, withOutsideOptions } from './models/outside-policies.ts';
import { type DeviceChoice, deviceOption } from './options/device.ts';
import { chooseGame, decimal, historyOption, playedConfigOption, replyLengthOption, whole } from './options/input.ts';
import { stepTimeoutOption, watchGames } from './options/step-timeout.ts';

interface Given extends OutsideOptions {
  readonly model: string;
  readonly env?: string;
  readonly envConfig: string;
  readonly episodes: number;
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

type Options = Given & { readonly env: string; readonly files?: ModelFiles };

export function evaluateCommand(): Command {
  const command = new Command('evaluate')
    .description('Play many games and tell how good a policy is')
    .option('--env <id>', 'Game to play (default: the one that the model was trained in); ludic games lists them')
    .option('--model <name>', `Policy that plays: ${POLICY_NAMES}`, 'nano')
    .addOption(adapterOption())
    .addOption(deviceOption())
    .addOption(playedConfigOption())
    .option('--episodes <n>', 'Games to play', whole(1), 1000)
    .addOption(historyOption())
    .option('--seed <n>', 'Seed that decides which games are played', whole(0), 0)
    .option(
      '--temperature <x>',
      'Sampling temperature; 0 takes the most likely token (of a trained model: that of its own evaluations)',
      decimal(0),
      0,
    )
    .option('--top-k <n>', 'Sample among the k most likely tokens; 0: all', whole(0), 0)
    .option('--top-p <x>', 'Sample among the most likely tokens that reach this probability', decimal(0, 1), 1)
    .addOption(replyLengthOption())
    .addOption(stepTimeoutOption())
    .option('--json', 'Print one JSON object')
    .action(async (given: Given) => run(await withModelGame(command, given, 'judge')));
  return withOutsideOptions(command);
}

async function run(options: Options): Promise<void> {
  watchGames(options.stepTimeout);
  const game = chooseGame(options.env, options.envConfig);
  const policy = await openPolicy(options.model, game, options);
  const live = !options.json && process.stderr.isTTY;
  const evaluation = await evaluate({
    definition: game.definition,
    config: game.config,
    history: options.history,
    policy,
    episodes: options.episodes,
    seed: options.seed,
    onProgress: (played) => live && process.stderr.write(`\r${played} of ${options.episodes} games`),
  });
  if (live) process.stderr.write('\r\u001b[K');
  policy.dispose();
  if (evaluation.first_failure !== undefined) {
    const share = percent(evaluation.failure_rate);
    process.stderr.write(
      `ludic: ${share} of the games failed and count as they stood, the first because ${evaluation.first_failure}\n`,
    );
  }
  if (options.json) console.log(JSON.stringify(evaluationJson(evaluation, options)));
  else console.log(evaluationText(evaluation, options));
}

/** The shape that the service answers with. */
export function evaluationJson(
  evaluation: Evaluation,
  options: Pick<Options, 'model' | 'env' | 'history' | 'episodes' | 'temperature'>,
): object {
  return {
    model: options.model,
    env_type: options.env,
    eval_episodes: options.episodes,
    history_strategy: options.history,
    temperature: options.temperature,
    results: evaluation,
  };
}

export const percent = (share: number) => `${(100 * share).toFixed(1)} %`;

function evaluationText(evaluation: Evaluation, { model, env, history, temperature }: Options): string {
  const rate = (name: string, share: number | undefined, interval: Interval | undefined) =>
    share === undefined || interval === undefined
      ? []
      : [`${name.padEnd(22)}${percent(share).padStart(8)}   (${percent(interval[0])} to ${percent(interval[1])})`];
  const number = (name: string, value: number) => `${name.padEnd(22)}${value.toFixed(3).padStart(8)}`;
  const [low, high] = evaluation.mean_reward_ci95;
  return [
    `${model} at ${env}, ${history}, ${evaluation.total_episodes} games at temperature ${temperature} (95 % intervals)`,
    ...rate('success', evaluation.success_rate, evaluation.success_ci95),
    ...rate('win', evaluation.win_rate, evaluation.win_ci95),
    ...rate('draw', evaluation.draw_rate, evaluation.draw_ci95),
    ...rate('loss', evaluation.loss_rate, evaluation.loss_ci95),
    `${number('mean reward', evaluation.mean_reward)}   (${low.toFixed(3)} to ${high.toFixed(3)})`,
    number('mean steps', evaluation.mean_steps),
    `${'invalid replies'.padEnd(22)}${percent(evaluation.invalid_rate).padStart(8)}`,
    ...rate('games with an invalid', evaluation.invalid_episode_rate, evaluation.invalid_episode_ci95),
  ].join('\n');
}
