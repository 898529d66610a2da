// For tests: one question with one answer, in a list beside a game that misbehaves: some of its episodes throw, some answer
// with something that is no step.

import { defineEnvironment, type EnvironmentDefinition } from 'ludic';

interface State {
  readonly a: number;
  readonly b: number;
}

const rules = (id: string, misbehave: (state: State) => void) =>
  defineEnvironment({
    id,
    title: 'Sums',
    description: 'Add two digits.',
    replyTag: 'sum',
    settings: {},
    unreadable: 'That is no number.',
    systemPrompt: () => 'Add: <sum>7</sum>',
    readAction: (text) => (/^\d{1,2}$/.test(text) ? Number(text) : undefined),
    start(_, random): State {
      const state = { a: random.nextInt(10), b: random.nextInt(10) };
      misbehave(state);
      return state;
    },
    play: (state, sum) => ({ state, reward: Number(sum === state.a + state.b), terminated: true }),
    observe: ({ a, b }) => `${a} + ${b}`,
    limit: () => ({ steps: 1, reward: 0 }),
    experts: {
      random: () => ({ act: (_, random) => `<sum>${random.nextInt(19)}</sum>` }),
      expert: () => ({ act: ({ state: { a, b } }) => `<sum>${a + b}</sum>` }),
    },
  });

const spoiled = rules('spoiled_sums', ({ a }) => {
  if (a % 3 === 0) throw new Error('the beads fell down');
});

/** Beside what it throws: a step that is none, in episodes whose second number is 5. */
const nonsense: EnvironmentDefinition<Readonly<Record<string, never>>, State> = {
  ...spoiled,
  create(config) {
    const game = spoiled.create(config);
    return {
      reset: (seed, options) => game.reset(seed, options),
      step: (reply) => (game.state.b === 5 ? (42 as never) : game.step(reply)),
      get state() {
        return game.state;
      },
      memory: '',
    };
  },
};

export default [rules('sums', () => {}), nonsense];
