// ludic evaluate: how good a policy is at a game.

import type { ModelFiles } from '@ludic/models';
import { ABLATED_HISTORIES, ablateMemory, type Evaluation, evaluate, type Interval } from '@ludic/rollouts';
import { gameMetricRows } from '@ludic/rollouts/internal';
import { Command } from 'commander';
import { UsageError } from '../failure.ts';
import { withModelGame } from '../models/model-game.ts';
import { openPolicy } from '../models/open.ts';
import { withOutsideOptions } from '../models/outside-policies.ts';
import { chooseSpec, whole } from '../options/input.ts';
import { addPolicyAndGame, addSampling, type PlayingOptions } from '../options/playing.ts';
import { watchGames } from '../options/step-timeout.ts';
import { percent } from '../units.ts';
import { ablationText } from './ablation-text.ts';
import { notesRows } from './notes-text.ts';

interface EvaluateFlags extends PlayingOptions {
  readonly episodes: number;
  readonly ablateMemory?: boolean;
}

type EvaluateCommand = EvaluateFlags & { readonly env: string; readonly files?: ModelFiles };

export function evaluateCommand(): Command {
  const command = addPolicyAndGame(
    new Command('evaluate').description('Play many games and report how good a policy is'),
  ).option('--episodes <n>', 'Games to play', whole(1), 1000);
  addSampling(command, {
    seed: 'Seed that decides which games are played',
    temperature: 0,
    trained: 'that of its own evaluations',
  })
    .option(
      '--ablate-memory',
      'Play the games twice more, with the scratchpad or conversation of another game and with none (SCRATCHPAD, FULL_HISTORY)',
    )
    .option('--json', 'Print one JSON object')
    .action(async (given: EvaluateFlags) => run(await withModelGame(command, given, 'judge')));
  return withOutsideOptions(command);
}

async function run(options: EvaluateCommand): Promise<void> {
  watchGames(options.stepTimeout);
  const game = chooseSpec(options.env, options.envConfig, options.history);
  if (options.ablateMemory) checkAblated(options);
  const policy = await openPolicy(options.model, game, options);
  const live = !options.json && process.stderr.isTTY;
  const games = options.episodes * (options.ablateMemory ? 3 : 1);
  const played = {
    ...game,
    policy,
    episodes: options.episodes,
    seed: options.seed,
    onProgress: (count: number) => live && process.stderr.write(`\r${count} of ${games} games`),
  };
  const ablation = options.ablateMemory ? await ablateMemory(played) : undefined;
  const evaluation = ablation?.intact ?? (await evaluate(played));
  if (live) process.stderr.write('\r\u001b[K');
  policy.dispose();
  for (const one of ablation ? [evaluation, ablation.other.results, ablation.blank.results] : [evaluation])
    sayLost(one);
  if (!options.json) {
    console.log(evaluationText(evaluation, options));
    if (ablation) console.log(ablationText(ablation));
    return;
  }
  const { model, env: env_type, episodes: eval_episodes, history: history_strategy, temperature } = options;
  // The same shape as the service's answer.
  const answer = { model, env_type, eval_episodes, history_strategy, temperature, results: evaluation };
  const { other, blank } = ablation ?? {};
  console.log(JSON.stringify({ ...answer, ...(ablation && { ablation: { other, blank } }) }));
}

/** @throws UsageError */
function checkAblated({ history, episodes }: EvaluateCommand): void {
  if (!ABLATED_HISTORIES.some((one) => one === history))
    throw new UsageError(
      `--ablate-memory needs --history ${ABLATED_HISTORIES.join(' or ')}: ${history} has no memory.`,
    );
  if (episodes < 2) throw new UsageError('--ablate-memory needs the memory of another game: --episodes 2 or more.');
}

/** Games that did not go to their end. */
function sayLost({ first_failure, failure_rate, context_full_rate }: Evaluation): void {
  if (first_failure !== undefined) {
    process.stderr.write(
      `ludic: ${percent(failure_rate)} of the games failed and count as they stood, the first because ${first_failure}\n`,
    );
  }
  if (context_full_rate > 0) {
    process.stderr.write(
      `ludic: ${percent(context_full_rate)} of the games filled the context of the model and count as they stood, with the steps that they took\n`,
    );
  }
}

function evaluationText(evaluation: Evaluation, { model, env, history, temperature }: EvaluateCommand): string {
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
    ...gameMetricRows(evaluation).map(([name, mean]) => number(name, mean)),
    ...notesRows(evaluation).map(([name, text]) => `${name.padEnd(22)}${text}`),
    `${'invalid replies'.padEnd(22)}${percent(evaluation.invalid_rate).padStart(8)}`,
    ...rate('games with an invalid', evaluation.invalid_episode_rate, evaluation.invalid_episode_ci95),
  ].join('\n');
}
