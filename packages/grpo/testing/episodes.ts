// Episodes of which tests know the prompts and the rewards, and nothing else matters.

import type { Episode } from '@ludic/rollouts';

export interface PlannedTurn {
  readonly prompt: Int32Array;
  readonly reward: number;
  readonly situation?: string;
}

export function episodeOf(planned: readonly PlannedTurn[], endReason: Episode['endReason'] = 'terminated'): Episode {
  const turns = planned.map(({ prompt, reward, situation }) => ({
    prompt: [],
    observation: '',
    ...(situation !== undefined && { situation }),
    reply: {
      text: '',
      finish: 'stop' as const,
      tokens: {
        prompt,
        completion: Int32Array.of(1),
        logprobs: Float32Array.of(0),
        entropies: Float32Array.of(0),
      },
    },
    reward,
    info: { invalid: false },
  }));
  const reward = planned.reduce((sum, turn) => sum + turn.reward, 0);
  return { seed: 0, dynamicsSeed: 0, turns, reward, endReason, finalObservation: '' };
}
