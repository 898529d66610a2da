// The exact values come from an independent enumeration: fixtures/golden.json.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { expectShare, playEpisode } from '../../testing/play.ts';
import { resolveConfig } from '../config.ts';
import { EMPTY, POSITIONS, POWERS, tables } from './board.ts';
import { CHOICES } from './experts.ts';
import { plan } from './solve.ts';
import { ticTacToe } from './tic-tac-toe.ts';

type Side = { readonly win: number; readonly draw: number; readonly loss: number };
type Matchup = { readonly as_X_first: Side; readonly as_O_second: Side; readonly mixed_50_50: Side };
const golden = JSON.parse(readFileSync(new URL('../../fixtures/golden.json', import.meta.url), 'utf8')).tictactoe as {
  readonly counts: Record<string, number>;
  readonly matchups: Record<string, Matchup>;
};

const matchups = [
  ['random', 'random', 'random_agent_vs_random_opponent'],
  ['best_response', 'random', 'best_response_agent_vs_random_opponent'],
  ['minimax_best_response', 'random', 'minimax_safe_best_response_agent_vs_random_opponent'],
  ['expert', 'random', 'best_net_score_agent_vs_random_opponent'],
  ['minimax', 'random', 'minimax_uniform_ties_agent_vs_random_opponent'],
  ['random', 'minimax', 'random_agent_vs_minimax_uniform_ties_opponent'],
  ['minimax', 'minimax', 'minimax_agent_vs_minimax_opponent'],
  ['best_response', 'minimax', 'best_response_agent_vs_minimax_uniform_ties_opponent'],
] as const;

describe('the tables', () => {
  it('count the games and positions that are known', () => {
    const { free, status, toMove } = tables();
    const games = [0, 0, 0, 0];
    const reached = new Set<number>();
    const walk = (board: number) => {
      reached.add(board);
      const end = status[board]!;
      if (end !== 0) games[end]!++;
      else for (const cell of free[board]!) walk(board + toMove[board]! * POWERS[cell]!);
    };
    walk(EMPTY);
    const { distinct_games, games_X_wins, games_O_wins, games_draw } = golden.counts;
    expect(games).toEqual([0, games_X_wins, games_O_wins, games_draw]);
    expect(games[1]! + games[2]! + games[3]!).toBe(distinct_games);
    expect(reached.size).toBe(golden.counts.reachable_positions_including_terminal_and_empty);
    expect(free).toHaveLength(POSITIONS);
  });
});

describe.each(matchups)('%s against the %s opponent', (name, opponent, key) => {
  const config = resolveConfig(ticTacToe, { opponent });
  const expected = golden.matchups[key]!;

  it('has the known exact chances', () => {
    const asX = plan(1, CHOICES[name](config), config).chances(EMPTY);
    const asO = plan(2, CHOICES[name](config), config).chances(EMPTY);
    (['win', 'draw', 'loss'] as const).forEach((outcome, i) => {
      expect(asX[i]).toBeCloseTo(expected.as_X_first[outcome], 12);
      expect(asO[i]).toBeCloseTo(expected.as_O_second[outcome], 12);
    });
  });

  it('meets them in 20,000 games', () => {
    const environment = ticTacToe.create(config);
    const expert = ticTacToe.experts[name]!(config);
    const counts = { X: { games: 0, win: 0, draw: 0, loss: 0 }, O: { games: 0, win: 0, draw: 0, loss: 0 } };
    for (let seed = 0; seed < 20_000; seed++) {
      const { last, reward } = playEpisode(environment, expert, seed);
      const { outcome } = last.info;
      expect(reward).toBe({ win: 1, draw: 0, loss: -1 }[outcome!]);
      const count = counts[environment.state.mark];
      count.games++;
      count[outcome!]++;
    }
    expectShare(counts.X.games, 20_000, 0.5);
    for (const outcome of ['win', 'draw', 'loss'] as const) {
      expectShare(counts.X[outcome], counts.X.games, expected.as_X_first[outcome]);
      expectShare(counts.O[outcome], counts.O.games, expected.as_O_second[outcome]);
    }
  });
});

describe('the epsilon opponent', () => {
  it('is beaten by the expert as often as calculated', () => {
    const config = resolveConfig(ticTacToe, { opponent: 'epsilon', epsilon: 0.3 });
    const environment = ticTacToe.create(config);
    const expert = ticTacToe.experts.expert(config);
    const [asX] = plan(1, CHOICES.expert(config), config).chances(EMPTY);
    const [asO] = plan(2, CHOICES.expert(config), config).chances(EMPTY);
    expect(asX).toBeGreaterThan(asO);
    let wins = 0;
    for (let seed = 0; seed < 20_000; seed++) {
      if (playEpisode(environment, expert, seed).last.info.outcome === 'win') wins++;
    }
    expectShare(wins, 20_000, (asX + asO) / 2);
  });

  it('becomes the random and the minimax opponent at its two ends', () => {
    for (const [epsilon, opponent] of [
      [1, 'random'],
      [0, 'minimax'],
    ] as const) {
      const mixed = resolveConfig(ticTacToe, { opponent: 'epsilon', epsilon });
      const pure = resolveConfig(ticTacToe, { opponent });
      expect(plan(2, CHOICES.random(), mixed).chances(EMPTY)).toEqual(plan(2, CHOICES.random(), pure).chances(EMPTY));
    }
  });
});
