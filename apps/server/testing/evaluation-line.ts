// What an evaluation says in metrics.jsonl, besides its type, its step and how long it took.

const rate = { rate: 0.5, interval: [0, 1] };

export const EVALUATION = {
  episodes: 4,
  success: rate,
  meanReward: 0.25,
  meanRewardInterval: [0, 1],
  meanSteps: 3,
  invalidRate: 0,
  invalidEpisodes: rate,
  truncationRate: 0,
  contextFullRate: 0,
  failureRate: 0,
  cutOffRate: 0,
};
