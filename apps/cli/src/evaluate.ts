// ludic evaluate: how good a policy is at a game.

import type { HistoryStrategy } from '@ludic/history';
import type { ModelFiles } from '@ludic/models';
import { type Evaluation, evaluate } from '@ludic/rollouts';
import { evaluationResults } from '@ludic/service';
import { Command } from 'commander';
import { type DeviceChoice, deviceOption } from './device.ts';
import { chooseGame, decimal, envConfigOption, historyOption, whole } from './input.ts';
import { withModelGame } from './model-game.ts';
import { adapterOption, openPolicy } from './models.ts';
import { type OutsideOptions, POLICY_NAMES, withOutsideOptions } from './outside-policies.ts';
import { stepTimeoutOption, watchGames } from './step-timeout.ts';

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
    .addOption(envConfigOption())
    .option('--episodes <n>', 'Games to play', whole(1), 1000)
    .addOption(historyOption())
    .option('--seed <n>', 'Seed that decides which games are played', whole(0), 0)
    .option('--temperature <x>', 'Sampling temperature; 0 takes the most likely token', decimal(0), 0)
    .option('--top-k <n>', 'Sample among the k most likely tokens; 0: all', whole(0), 0)
    .option('--top-p <x>', 'Sample among the most likely tokens that reach this probability', decimal(0, 1), 1)
    .option('--max-completion-length <n>', 'Most tokens of a reply', whole(1), 64)
    .addOption(stepTimeoutOption())
    .option('--json', 'Print one JSON object')
    .action(async (given: Given) => run(await withModelGame(command, given)));
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
  if (evaluation.firstFailure !== undefined) {
    const share = percent(evaluation.failureRate);
    process.stderr.write(
      `ludic: ${share} of the games failed and count as they stood, the first because ${evaluation.firstFailure}\n`,
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
    results: evaluationResults(evaluation),
  };
}

export const percent = (share: number) => `${(100 * share).toFixed(1)} %`;

function evaluationText(evaluation: Evaluation, { model, env, history, temperature }: Options): string {
  const rate = (name: string, { rate: share, interval: [low, high] }: Evaluation['success']) =>
    `${name.padEnd(22)}${percent(share).padStart(8)}   (${percent(low)} to ${percent(high)})`;
  const number = (name: string, value: number) => `${name.padEnd(22)}${value.toFixed(3).padStart(8)}`;
  const {
    outcomes,
    meanRewardInterval: [low, high],
  } = evaluation;
  return [
    `${model} at ${env}, ${history}, ${evaluation.episodes} games at temperature ${temperature} (95 % intervals)`,
    rate('success', evaluation.success),
    ...(outcomes ? [rate('win', outcomes.win), rate('draw', outcomes.draw), rate('loss', outcomes.loss)] : []),
    `${number('mean reward', evaluation.meanReward)}   (${low.toFixed(3)} to ${high.toFixed(3)})`,
    number('mean steps', evaluation.meanSteps),
    `${'invalid replies'.padEnd(22)}${percent(evaluation.invalidRate).padStart(8)}`,
    rate('games with an invalid', evaluation.invalidEpisodes),
  ].join('\n');
}
