// What a game measures itself, what it calls a success, and what it knows of its purpose.

import { defineEnvironment, defineTask, type EnvironmentDefinition, type Move } from '@ludic/environments';
import { scriptedPolicy } from '@ludic/policies';
import { describe, expect, it } from 'vitest';
import { evaluate, evaluationStarts, groupStarts, playEpisodes } from './index.ts';
import { asEpisode, briefRecord, gameMetrics, readRecord, replayRecord, summarize } from './internal.ts';
import { pairedDifference } from './paired.ts';

interface State {
  readonly place: number;
}

/** A walk on numbers, one step for each reply; the episode is a success at 2 or more, whatever it earned. */
const walk = defineEnvironment({
  id: 'walk',
  title: 'Walk',
  description: 'Walk.',
  settings: {},
  replyTag: 'step',
  unreadable: 'No step.',
  systemPrompt: () => 'Walk.',
  readAction: (text) => (/^-?1$/.test(text) ? Number(text) : undefined),
  start: (): State => ({ place: 0 }),
  play: ({ place }: State, step: number): Move<State> => ({
    state: { place: place + step },
    metrics: step < 0 ? { steps_back: 1 } : { forward: step },
  }),
  observe: ({ place }: State) => `You are at ${place}.`,
  metrics: ['steps_back'],
  success: ({ place }: State) => place >= 2,
  limit: () => ({ steps: 3, reward: 0 }),
  experts: { random: () => ({ act: () => '<step>1</step>' }), expert: () => ({ act: () => '<step>1</step>' }) },
}) as unknown as EnvironmentDefinition;

const spec = { environment: walk, config: {}, history: 'NO_HISTORY' } as const;
const says = (...replies: readonly string[]) => {
  let turn = 0;
  return scriptedPolicy('script', () => ({ act: () => `<step>${replies[turn++ % replies.length]}</step>` }));
};

describe('what a game measures itself', () => {
  it('adds up over the steps of an episode and is a mean over episodes, 0 where an episode says nothing', async () => {
    const forward = await playEpisodes({ ...spec, policy: says('1'), starts: evaluationStarts(0, 1) });
    const back = await playEpisodes({ ...spec, policy: says('-1', 'x', '-1'), starts: evaluationStarts(0, 1) });
    expect(gameMetrics([...forward, ...back])).toMatchObject({ game_steps_back: 1, game_forward: 1.5 });
    expect(summarize(back, 0)).toMatchObject({ game_steps_back: 2 });
    expect('game_forward' in summarize(back, 0)).toBe(false);
    expect(back[0]!.turns.map(({ info }) => info)).toEqual([
      { invalid: false, success: false, metrics: { steps_back: 1 } },
      { invalid: true, success: false, metrics: { steps_back: 0 } },
      { invalid: false, success: false, metrics: { steps_back: 1 } },
    ]);
  });
});

describe('a success', () => {
  it('is what the rule of the game says, in rates, intervals and differences', async () => {
    const options = { ...spec, episodes: 10, seed: 0 };
    const good = await evaluate({ ...options, policy: says('1') });
    expect(good).toMatchObject({ mean_reward: 0, success_rate: 1, truncation_rate: 1 });
    expect(good.success_ci95[1]).toBe(1);
    expect((await evaluate({ ...options, policy: says('-1') })).success_rate).toBe(0);
    const [one] = await playEpisodes({ ...spec, policy: says('1'), starts: evaluationStarts(0, 1) });
    const [other] = await playEpisodes({ ...spec, policy: says('-1'), starts: evaluationStarts(0, 1) });
    expect(pairedDifference([one!], [other!], 0).success_rate).toBe(1);
  });
});

const names = ['a', 'b', 'c', 'd', 'e', 'f'].map((prompt) => ({ prompt, answer: prompt }));
const task = defineTask({
  id: 'names',
  instruction: '',
  items: { training: names.slice(0, 3), evaluation: names.slice(3) },
}) as unknown as EnvironmentDefinition;
const taskSpec = { environment: task, config: {}, history: 'NO_HISTORY' } as const;
const expert = () => scriptedPolicy('expert', () => task.experts.expert({ invalid_penalty: 0 }));

describe('a task', () => {
  it('shows items of training in groups and items of evaluation in evaluations, and nothing else', async () => {
    const shown = async (starts: ReturnType<typeof groupStarts>) => {
      const episodes = await playEpisodes({ ...taskSpec, policy: expert(), starts });
      return new Set(episodes.map(({ turns }) => turns[0]!.observation));
    };
    expect(await shown(evaluationStarts(0, 50))).toEqual(new Set(['d', 'e', 'f']));
    expect(await shown(groupStarts({ seed: 0, step: 1, groups: 50, groupSize: 2 }))).toEqual(new Set(['a', 'b', 'c']));
  });

  it('is played again as it was, from a brief record and from the answer of the service', async () => {
    for (const starts of [evaluationStarts(1, 4), groupStarts({ seed: 1, step: 1, groups: 4, groupSize: 1 })])
      for (const episode of await playEpisodes({ ...taskSpec, policy: expert(), starts })) {
        const line = JSON.parse(JSON.stringify(briefRecord(episode)));
        // The task is not in the registry.
        const again = replayRecord(readRecord(line), taskSpec as never);
        expect(again).toEqual(episode);
        const { seed, dynamicsSeed, split } = episode;
        const trajectory = { seed, dynamics_seed: dynamicsSeed, end_reason: 'terminated', split, steps: [] };
        expect(readRecord(asEpisode({ trajectory, reward: 1 })).split).toBe(split);
      }
  });
});
