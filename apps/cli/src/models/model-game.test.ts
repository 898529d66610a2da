// A model carries the game that it was trained in to what plays it.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runLudic } from '../../testing/run-ludic.ts';

let run = '';
beforeAll(async () => {
  run = join(await mkdtemp(join(tmpdir(), 'ludic-game-')), 'run');
  const game = ['--env', 'key_door', '--env-config', '{"size": 3}'];
  const judged = ['--eval-episodes', '4', '--eval-temperature', '0.5'];
  const small = ['--steps', '1', '--batch-size', '8', '--threads', '1'];
  const { code } = await runLudic('train', '--out', run, ...game, ...judged, ...small);
  expect(code).toBe(0);
}, 120_000);
afterAll(() => rm(join(run, '..'), { recursive: true }));

const evaluate = (...args: readonly string[]) => runLudic('evaluate', '--episodes', '4', '--json', ...args);

describe('a trained model', { timeout: 60_000 }, () => {
  it('is evaluated in its own game where none is named, without a word', async () => {
    const { code, stdout, stderr } = await evaluate('--model', join(run, 'final'));
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(JSON.parse(stdout)).toMatchObject({
      env_type: 'key_door',
      history_strategy: 'NO_HISTORY',
      temperature: 0.5,
    });
  });

  it('is evaluated as asked, and what differs is said', async () => {
    const args = ['--model', join(run, 'final'), '--env', 'key_door', '--env-config', '{"size": 4}'];
    const { code, stderr } = await evaluate(...args, '--history', 'FULL_HISTORY');
    expect(code).toBe(0);
    expect(stderr.split('\n')[0]).toBe(
      'ludic: The model was trained with size 3, history NO_HISTORY; this is size 4, history FULL_HISTORY.',
    );
    const other = await evaluate('--model', join(run, 'final'), '--env', 'tic_tac_toe');
    expect(other.stderr).toBe('ludic: The model was trained in key_door; this is tic_tac_toe.\n');
  });

  it('has room for the replies of another history', async () => {
    const longest = async (...args: readonly string[]) => {
      const short = ['--env', 'key_door', '--env-config', '{"max_steps": 4}', '--json'];
      const { stdout } = await runLudic('rollout', '--model', join(run, 'final'), ...short, ...args);
      const { turns } = JSON.parse(stdout) as { turns: { reply: { tokens: { completion: number[] } } }[] };
      return Math.max(...turns.map(({ reply }) => reply.tokens.completion.length));
    };
    // A tag and a move are all that it was trained for.
    expect(await longest()).toBeLessThanOrEqual(4);
    expect(await longest('--history', 'SCRATCHPAD')).toBeGreaterThan(4);
    expect(await longest('--history', 'SCRATCHPAD', '--max-completion-length', '3')).toBeLessThanOrEqual(3);
  });

  it('shows a game of its own in rollout', async () => {
    const { code, stdout } = await runLudic('rollout', '--model', join(run, 'final'), '--json');
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ environment: 'key_door', environmentConfig: { size: 3 } });
  });

  it('is watched in its own game', async () => {
    const watch = ['play', '--watch', join(run, 'final'), '--delay', '0'];
    const played = await runLudic(...watch);
    expect(played).toMatchObject({ code: 0, stderr: '' });
    const named = await runLudic(...watch, '--env', 'key_door', '--env-config', '{"size": 3}');
    expect(named).toEqual(played);
    expect((await runLudic('play')).stderr).toMatch(/--env is needed: which game/);
  });

  it('needs a game to be named where it carries none', async () => {
    const { code, stderr } = await evaluate('--model', 'nano');
    expect(code).toBe(2);
    expect(stderr).toMatch(/--env is needed/);
  });
});
