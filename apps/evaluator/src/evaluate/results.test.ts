// Results find their games, and files made of them hold the same numbers.

import type { Episode } from '@ludic/rollouts';
import { summarize } from '@ludic/rollouts/internal';
import { describe, expect, it } from 'vitest';
import { DEFAULT_EVALUATION, type EvaluationSpec, gamesKey, type PolicyEntry } from './evaluation-spec.ts';
import {
  type Comparison,
  comparisonCsv,
  comparisonJson,
  gamesCsv,
  type Result,
  titleOf,
  withResult,
} from './results.ts';

const NANO: PolicyEntry = { kind: 'model', name: 'nano', history: 'NO_HISTORY' };

function resultOf(entry: PolicyEntry, rewards: readonly number[], change: Partial<EvaluationSpec> = {}): Result {
  const spec = { ...DEFAULT_EVALUATION, episodes: rewards.length, policies: [entry], ...change };
  const episodes = rewards.map(
    (reward, i): Episode => ({
      seed: i,
      dynamicsSeed: i,
      turns: [],
      reward,
      endReason: 'terminated',
      finalObservation: '',
    }),
  );
  return {
    entry,
    spec,
    evaluation: summarize(episodes, spec.seed),
    games: episodes.map(({ seed, reward }) => ({
      seed,
      reward,
      steps: 3,
      invalid: 0,
      endReason: 'terminated',
      outcome: 'win',
    })),
    device: 'cpu',
    seconds: 1,
    tokens: 10,
  };
}

const gather = (...results: readonly Result[]) =>
  results.reduce<readonly Comparison[]>(
    (comparisons, result) => withResult(comparisons, gamesKey(result.spec), result),
    [],
  );

describe('results', () => {
  it('stand together on the same games, the latest games first', () => {
    const one = resultOf(NANO, [1, 0]);
    const two = resultOf({ ...NANO, history: 'SCRATCHPAD' }, [1, 1]);
    const other = resultOf(NANO, [1, 1, 1]);
    expect(gather(one, other, two).map(({ results }) => results)).toEqual([[one, two], [other]]);
    expect(gather(one, two, other).map(({ results }) => results.length)).toEqual([1, 2]);
  });

  it('take the place of an earlier one of the same player and settings alone', () => {
    const [comparison] = gather(
      resultOf(NANO, [1, 0]),
      resultOf(NANO, [0, 0]),
      resultOf(NANO, [0, 1], { temperature: 1 }),
    );
    expect(comparison!.results.map(({ evaluation }) => evaluation.mean_reward)).toEqual([0, 0.5]);
    expect(comparison!.results.map((result) => titleOf(result, comparison!.results))).toEqual([
      'nano (the present moment, temperature 0)',
      'nano (the present moment, temperature 1)',
    ]);
  });
});

describe('the files of a comparison', () => {
  const evil: PolicyEntry = { kind: 'model', name: '=cmd, "x"', history: 'SCRATCHPAD' };
  const [comparison] = gather(resultOf(NANO, [1, 0, 1]), resultOf(evil, [0, 0, -1]));

  it('hold settings, numbers, games and differences as JSON', () => {
    const { contestants, differences, ...rest } = JSON.parse(comparisonJson(comparison!));
    expect(rest).toEqual({ env_type: 'tic_tac_toe', env_config: {}, eval_episodes: 3, seed: 0 });
    expect(contestants[0]).toMatchObject({ model: 'nano', results: { mean_reward: 2 / 3, total_episodes: 3 } });
    expect(contestants[1].episodes).toHaveLength(3);
    expect(contestants[1].episodes[2]).toMatchObject({ seed: 2, reward: -1, end_reason: 'terminated' });
    expect(differences).toHaveLength(1);
    // -1, 0 and -2.
    expect(differences[0]).toMatchObject({ of: { model: evil.name }, from: { model: 'nano' }, mean_reward: -1 });
  });

  it('are tables as CSV, in which no cell is a formula', () => {
    const lines = comparisonCsv(comparison!).split('\r\n');
    expect(lines).toHaveLength(4);
    expect(lines[0]).toContain('total_episodes,mean_reward,success_rate,');
    expect(lines[2]).toContain(`"'=cmd, ""x""",SCRATCHPAD,0,64,cpu,3,`);
    const games = gamesCsv(comparison!).split('\r\n');
    expect(games).toHaveLength(8);
    expect(games[0]).toBe(
      'model,history_strategy,temperature,max_completion_length,device,episode,seed,reward,steps,invalid,end_reason,outcome',
    );
    expect(games[6]).toContain(',2,2,-1,3,0,terminated,win');
  });
});
