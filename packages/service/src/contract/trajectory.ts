// Results of the library as answers of the service.

import type { Episode } from '@ludic/rollouts';
import type { Rollout, Trajectory } from './answers.ts';

/** A played game in the format of the contract. @param group number of the group of games that share a start */
export function trajectoryOf(episode: Episode, group = 0): Trajectory {
  return {
    group,
    seed: episode.seed,
    dynamics_seed: episode.dynamicsSeed,
    ...(episode.split && { split: episode.split }),
    end_reason: episode.endReason,
    final_observation: episode.finalObservation,
    ...(episode.outcome && { outcome: episode.outcome }),
    ...(episode.success !== undefined && { success: episode.success }),
    ...(episode.error !== undefined && { error: episode.error }),
    steps: episode.turns.map(({ prompt, observation, reply, reward, info }) => ({
      prompt: prompt.map(({ role, content }) => ({ role, content })),
      observation,
      assistant: reply.text,
      cut_off: reply.finish === 'length',
      reward,
      info_from_env: {
        invalid: info.invalid,
        ...(info.outcome && { outcome: info.outcome }),
        ...(info.metrics && { metrics: info.metrics }),
      },
    })),
  };
}

/** Sum of the rewards, number of replies, and reward of the last reply. */
export function rolloutSummary(episode: Episode): Rollout['summary'] {
  return {
    total_reward: episode.reward,
    steps_taken: episode.turns.length,
    final_reward: episode.turns.at(-1)?.reward ?? 0,
  };
}
