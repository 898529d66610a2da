// What ludic evaluate says of memory.

import { describe, expect, it } from 'vitest';
import { runLudic } from '../../testing/run-ludic.ts';
import { ablationText } from './ablation-text.ts';
import { notesRows } from './notes-text.ts';

const evaluate = (...words: readonly string[]) =>
  runLudic('evaluate', '--model', 'tour', '--env', 'key_door', '--episodes', '20', ...words);

describe('evaluate --ablate-memory', () => {
  it('tells the games with another memory and with none, which is nothing to a player without notes', async () => {
    const words = ['--history', 'SCRATCHPAD', '--ablate-memory'];
    const { code, stdout } = await evaluate(...words);
    expect(code).toBe(0);
    expect(stdout).toContain('scratchpad            empty at 100.0 % of the turns');
    expect(stdout.match(/^(another game's memory|no memory) +success 100\.0 %, [\d.]+ steps$/gm)).toHaveLength(2);
    expect(stdout.match(/\+0\.00 steps \(\+0\.00 to \+0\.00, which includes 0\)/g)).toHaveLength(2);
    const answer = JSON.parse((await evaluate(...words, '--json')).stdout);
    const plain = JSON.parse((await evaluate('--history', 'SCRATCHPAD', '--json')).stdout);
    expect(plain).toEqual({ ...answer, ablation: undefined });
    for (const { results, difference } of [answer.ablation.other, answer.ablation.blank]) {
      expect(results.mean_steps).toBe(answer.results.mean_steps);
      expect(difference).toMatchObject({ total_episodes: 20, mean_steps: 0, success_ci95: [0, 0] });
    }
  });

  it('says what it needs', async () => {
    const stateless = await evaluate('--ablate-memory');
    expect(stateless).toMatchObject({ code: 2, stderr: expect.stringContaining('NO_HISTORY has no memory.') });
    const single = await evaluate('--history', 'FULL_HISTORY', '--episodes', '1', '--ablate-memory');
    expect(single).toMatchObject({ code: 2, stderr: expect.stringContaining('--episodes 2 or more') });
  });

  it('says of each difference whether 0 is in its interval', () => {
    const difference = {
      ...{ total_episodes: 9, mean_reward: 0, mean_reward_ci95: [0, 0] as const },
      ...{
        success_rate: -0.25,
        success_ci95: [-0.3, -0.2] as const,
        mean_steps: 1,
        mean_steps_ci95: [-0.5, 2] as const,
      },
    };
    const results = { success_rate: 0.5, mean_steps: 20 } as never;
    const one = { results, difference };
    const text = ablationText({ intact: results, other: one, blank: one });
    expect(text).toContain('−25.00 points of success (−30.00 to −20.00, which excludes 0)');
    expect(text).toContain('+1.00 steps (−0.50 to +2.00, which includes 0)');
  });
});

describe('the rows of notes', () => {
  it('say what was measured, and nothing of what was not', () => {
    const none = { notes_rate_key: 0, notes_information_key: 0, notes_information_chance_key: 0 };
    const door = {
      ...{ notes_rate_door: 0.5, notes_true_rate_door: 0.9, notes_written_true_rate_door: 0.95 },
      ...{ notes_survival_door: 12.34, notes_information_door: 2.5, notes_information_chance_door: 0.01 },
    };
    expect(notesRows({ notes_empty_rate: 0.2, notes_other_rate: 0.125, ...none, ...door })).toEqual([
      ['scratchpad', 'empty at 20.0 % of the turns, 12.5 % of its lines are no notes of what is hidden'],
      ['notes of key', 'at 0.0 % of the turns, 0.00 bits (by chance 0.00)'],
      [
        'notes of door',
        'at 50.0 % of the turns, 90.0 % true, 95.0 % when written, a true one stays 12.3 turns, 2.50 bits (by chance 0.01)',
      ],
    ]);
    expect(notesRows({})).toEqual([]);
  });
});

describe('--base-bits', () => {
  const evaluate = (...more: string[]) =>
    runLudic('evaluate', '--env', 'tic_tac_toe', '--episodes', '200', '--temperature', '1', '--json', ...more);

  it('plays a model as well with a byte for each weight', async () => {
    const [whole, blocks] = [await evaluate(), await evaluate('--base-bits', '8')].map(
      ({ stdout }) => JSON.parse(stdout).results,
    );
    expect(Math.abs(blocks.win_rate - whole.win_rate)).toBeLessThan(0.1);
    expect(blocks.invalid_rate).toBeLessThan(0.05);
  });

  it('is 8 or 4', async () => {
    expect(await evaluate('--base-bits', '5')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('One of 8, 4'),
    });
  });
});
