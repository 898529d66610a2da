// Results of the library as answers of the service.

import type { Episode, Evaluation } from '@ludic/rollouts';
import type { EvaluationResults, Rollout, Trajectory } from './answers.ts';

export function evaluationResults(evaluation: Evaluation): EvaluationResults {
  const { outcomes, meanRewardInterval, success } = evaluation;
  return {
    success_rate: success.rate,
    success_ci95: [...success.interval],
    mean_reward: evaluation.meanReward,
    mean_reward_ci95: [...meanRewardInterval],
    mean_steps: evaluation.meanSteps,
    invalid_rate: evaluation.invalidRate,
    invalid_episode_rate: evaluation.invalidEpisodes.rate,
    truncation_rate: evaluation.truncationRate,
    context_full_rate: evaluation.contextFullRate,
    failure_rate: evaluation.failureRate,
    ...(evaluation.firstFailure !== undefined && { first_failure: evaluation.firstFailure }),
    total_episodes: evaluation.episodes,
    cut_off_rate: evaluation.cutOffRate,
    ...(outcomes && { win_rate: outcomes.win.rate, draw_rate: outcomes.draw.rate, loss_rate: outcomes.loss.rate }),
  };
}

export function trajectoryOf(episode: Episode, group = 0): Trajectory {
  return {
    group,
    seed: episode.seed,
    dynamics_seed: episode.dynamicsSeed,
    end_reason: episode.endReason,
    final_observation: episode.finalObservation,
    ...(episode.outcome && { outcome: episode.outcome }),
    ...(episode.error !== undefined && { error: episode.error }),
    steps: episode.turns.map(({ prompt, observation, reply, reward, info }) => ({
      prompt: prompt.map(({ role, content }) => ({ role, content })),
      observation,
      assistant: reply.text,
      cut_off: reply.finish === 'length',
      reward,
      info_from_env: { invalid: info.invalid, ...(info.outcome && { outcome: info.outcome }) },
    })),
  };
}

export function rolloutSummary(episode: Episode): Rollout['summary'] {
  return {
    total_reward: episode.reward,
    steps_taken: episode.turns.length,
    final_reward: episode.turns.at(-1)?.reward ?? 0,
  };
}
