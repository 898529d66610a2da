import { stream } from '@ludic/random';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { playEpisode } from '../testing/play.ts';
import type { Split } from './contract.ts';
import { defineTask, type TaskRules } from './define-task.ts';
import { resolveConfig } from './index.ts';

const sums = Array.from({ length: 100 }, (_, i) => ({ a: i % 10, b: Math.floor(i / 10) }));
type Sum = (typeof sums)[number];

const task: TaskRules<Sum, number> = {
  id: 'sums',
  instruction: 'Add the numbers.',
  items: sums,
  prompt: ({ a, b }) => `${a} + ${b}`,
  answer: ({ a, b }) => `${a + b}`,
};
const made = <Item>(from: TaskRules<Item, number>) => {
  const definition = defineTask(from);
  return { definition, environment: definition.create(resolveConfig(definition)) };
};

/** Prompts that the first seeds show. */
function prompts(from: TaskRules<never, number>, split: Split, seeds = 400): Set<string> {
  const { environment } = made(from);
  return new Set(Array.from({ length: seeds }, (_, seed) => environment.reset(seed, { split })));
}

describe('defineTask', () => {
  it('makes a game of one turn, in which the expert is right and random has the right form', () => {
    const { definition, environment } = made(task);
    const config = resolveConfig(definition);
    expect(definition.systemPrompt(config)).toBe('Add the numbers.\nReply with <answer>your answer</answer>.');
    const random = definition.experts.random(config);
    let right = 0;
    for (let seed = 0; seed < 200; seed++) {
      const expert = playEpisode(environment, definition.experts.expert(config), seed);
      expect(expert).toMatchObject({ steps: 1, reward: 1, last: { terminated: true, info: { invalid: false } } });
      const { last, reward } = playEpisode(environment, random, seed);
      expect(last.info.invalid).toBe(false);
      right += reward;
    }
    expect(right).toBeGreaterThan(0);
    expect(right).toBeLessThan(60);
  });

  it('ends the episode at a reply without an answer, at the cost that the settings say', () => {
    const { definition } = made(task);
    const environment = definition.create(resolveConfig(definition, { invalid_penalty: 0.5 }));
    environment.reset(1);
    const step = environment.step('seven');
    expect(step).toMatchObject({ reward: -0.5, terminated: false, truncated: true, info: { invalid: true } });
    expect(step.observation).toContain('write <answer>…</answer>');
  });

  it('never shows a prompt both in training and in evaluation, whatever the items and the share', () => {
    const word = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g');
    const items = fc.array(fc.record({ prompt: word, answer: word }), { minLength: 2, maxLength: 20 });
    const share = fc.double({ min: 0.01, max: 0.99, noNaN: true });
    fc.assert(
      fc.property(items, share, (list, evaluationShare) => {
        const all = new Set(list.map(({ prompt }) => prompt));
        fc.pre(all.size > 1);
        const options = { id: 'words', instruction: '', items: list, evaluationShare } as unknown as TaskRules<
          never,
          number
        >;
        const [training, evaluation] = [prompts(options, 'training'), prompts(options, 'evaluation')];
        expect([...training].filter((prompt) => evaluation.has(prompt))).toEqual([]);
        expect(new Set([...training, ...evaluation])).toEqual(all);
        const kept = Math.min(all.size - 1, Math.max(1, Math.round(evaluationShare * all.size)));
        expect(evaluation.size).toBe(kept);
      }),
      { numRuns: 50 },
    );
  });

  it('splits the same whatever the order of the items, and draws them by the seed', () => {
    const reversed = { ...task, items: sums.toReversed() };
    expect(prompts(reversed as never, 'evaluation', 1000)).toEqual(prompts(task as never, 'evaluation', 1000));
    const { environment } = made(task);
    expect(environment.reset(5)).toBe(made(task).environment.reset(5));
    expect(environment.reset(5)).toBe(environment.reset(5, { split: 'training' }));
  });

  it('takes items that bring prompt and answer, and a list for each split', () => {
    const { environment } = made({
      id: 'words',
      instruction: 'Reply as <answer>x</answer>.',
      items: { training: [{ prompt: 'one', answer: 1 }], evaluation: [{ prompt: 'two', answer: ' 2 ' }] },
    });
    expect(environment.reset(0)).toBe('one');
    expect(environment.step('<answer>1</answer>')).toMatchObject({ reward: 1, observation: 'The right answer is 1.' });
    expect(environment.reset(0, { split: 'evaluation' })).toBe('two');
    expect(environment.step('<answer>2</answer>').reward).toBe(1);
  });

  it('adds up several rewards by their weights, and tells each without its weight', () => {
    const { environment } = made({
      ...task,
      reward: {
        right: (answer, { a, b }) => (Number(answer) === a + b ? 1 : 0),
        short: { weight: 0.25, reward: (answer) => 1 / answer.length },
      },
    });
    environment.reset(0);
    const { reward, info } = environment.step('<answer>1000</answer>');
    expect(info.metrics).toEqual({ right: 0, short: 0.25 });
    expect(reward).toBe(0.0625);
  });

  it('waits for rewards that come later', async () => {
    const definition = defineTask({
      ...task,
      reward: {
        right: async (answer, { a, b }) => Number(Number(answer) === a + b),
        given: { weight: 2, reward: () => 1 },
      },
    });
    const environment = definition.create(resolveConfig(definition));
    await environment.reset(0);
    const { a, b } = environment.state.item;
    const step = await environment.step(`<answer>${a + b}</answer>`);
    expect(step).toMatchObject({ reward: 3, info: { metrics: { right: 1, given: 1 } } });
  });

  it('draws the answers of random from training alone', () => {
    const { definition, environment } = made({
      id: 'words',
      instruction: '',
      items: { training: [{ prompt: 'one', answer: 'yes' }], evaluation: [{ prompt: 'two', answer: 'no' }] },
    });
    environment.reset(0, { split: 'evaluation' });
    const random = definition.experts.random(resolveConfig(definition));
    expect(random.act(environment, stream(0))).toBe('<answer>yes</answer>');
  });

  it.each<[string, Partial<TaskRules<Sum>>, string]>([
    ['one prompt', { items: sums.slice(0, 1) }, 'The task sums needs two items with different prompts'],
    ['a share of 1', { evaluationShare: 1 }, 'keeps a share of 1 for evaluations: choose one between 0 and 1'],
    ['no prompt', { prompt: () => '' }, 'has no prompt for item 1'],
    ['no rewards', { reward: {} }, 'has no reward: name at least one'],
    [
      'a weight that is no number',
      { reward: { one: { weight: NaN, reward: () => 1 } } },
      'the reward one a weight of NaN',
    ],
    ['nothing to evaluate', { items: { training: sums, evaluation: [] } }, 'has no items for evaluation'],
    [
      'a prompt in both',
      { items: { training: sums, evaluation: sums.slice(3, 4) } },
      'has the prompt "3 + 0" for training and for evaluation',
    ],
  ])('refuses %s', (_, wrong, message) => {
    expect(() => defineTask({ ...task, ...wrong })).toThrow(message);
  });

  it('asks for a guess and a reward where the right answers are not known', () => {
    const { answer: _, ...open } = task;
    expect(() => defineTask(open)).toThrow('give answer, or give both guess and reward');
    const { definition, environment } = made({ ...open, guess: () => 'seven', reward: (text) => text.length / 5 });
    expect(playEpisode(environment, definition.experts.expert(resolveConfig(definition)), 1).reward).toBe(1);
  });
});
