// An episode's seeds and replies are the episode: played again they give the same game, from either side.

import { type EnvironmentDefinition, findEnvironment, resolveConfig, type TicTacToeState } from '@ludic/environments';
import { type Policy, scriptedPolicy } from '@ludic/policies';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { evaluationStarts, playEpisodes, replay } from './index.ts';

const specOf = (environment: EnvironmentDefinition, raw: Readonly<Record<string, unknown>> = {}) => ({
  environment,
  config: resolveConfig(environment, raw),
  history: 'FULL_HISTORY' as const,
});
const ticTacToe = specOf(findEnvironment('tic_tac_toe'));
const keyDoor = specOf(findEnvironment('key_door'), { max_steps: 12 });

describe('replay', () => {
  for (const spec of [ticTacToe, keyDoor])
    it(`gives the states that were played in ${spec.environment.title}`, async () => {
      const states: unknown[][] = [];
      const random = scriptedPolicy('random', () => spec.environment.experts.random(spec.config));
      const noted = new Map<object, unknown[]>();
      const policy: Policy = {
        ...random,
        act(prompts) {
          for (const { episode, environment } of prompts) {
            if (!noted.has(episode)) states.push(noted.set(episode, []).get(episode)!);
            noted.get(episode)!.push(environment.state);
          }
          return random.act(prompts);
        },
      };
      const episodes = await playEpisodes({ ...spec, policy, starts: evaluationStarts(2, 12) });
      for (const [i, episode] of episodes.entries()) {
        const replies = episode.turns.map(({ reply }) => reply.text);
        const { frames, turns, endReason, prompt, awaiting } = replay({ ...spec, start: episode, replies });
        expect(frames.length).toBe(episode.turns.length + 1);
        const asked = (all: typeof turns) =>
          all.map(({ prompt, observation, reward, info }) => ({ prompt, observation, reward, info }));
        expect(asked(turns)).toEqual(asked(episode.turns));
        expect(frames.slice(0, -1).map(({ state }) => state)).toEqual(states[i]);
        expect(frames.slice(1).map(({ reward }) => reward)).toEqual(episode.turns.map(({ reward }) => reward));
        expect(frames.map(({ observation }) => observation)).toEqual([
          ...episode.turns.map(({ observation }) => observation),
          episode.finalObservation,
        ]);
        expect({ endReason, prompt, awaiting }).toEqual({ endReason: episode.endReason });
        const half = replay({ ...spec, start: episode, replies: replies.slice(0, 1) });
        expect(half.prompt?.messages).toEqual(episode.turns[1]?.prompt);
      }
    });

  it('waits for the other side where a person or a policy plays it, and shows both sides one board', () => {
    fc.assert(
      fc.property(fc.nat(50), fc.array(fc.nat(8), { minLength: 9, maxLength: 9 }), (seed, choices) => {
        const start = { seed, dynamicsSeed: 0 };
        const sides: [string[], string[]] = [[], []];
        for (const choice of choices) {
          const [replies, opponent] = sides;
          const game = replay({ ...ticTacToe, start, replies, opponent });
          expect(game.error).toBeUndefined();
          if (game.endReason) {
            const { state, info } = game.frames.at(-1)!;
            expect(info!.outcome).toBeDefined();
            expect((state as TicTacToeState).board.split('.').length - 1).toBe(9 - replies.length - opponent.length);
            return;
          }
          expect(game.awaiting === undefined).toBe(game.prompt !== undefined);
          const { board, mark } = (game.awaiting?.state ?? game.frames.at(-1)!.state) as TicTacToeState;
          // The side that is to move sees its own mark.
          expect(mark).toBe('XO'[(replies.length + opponent.length) % 2]);
          const free = [...board].flatMap((cell, at) => (cell === '.' ? [at + 1] : []));
          sides[game.awaiting ? 1 : 0].push(`<move>${free[choice % free.length]}</move>`);
        }
      }),
    );
  });

  it('says what is wrong with a move that the other side cannot make', () => {
    const start = { seed: 0, dynamicsSeed: 0 };
    const wrong = [0, 1].map((seed) =>
      replay({ ...ticTacToe, start: { ...start, seed }, replies: ['<move>5</move>'], opponent: ['<move>5</move>'] }),
    );
    expect(wrong.map(({ endReason }) => endReason)).toContain('failed');
    expect(wrong.map(({ error }) => error)).toContain('The opponent chose cell 5, which is taken.');
    const nonsense = [0, 1].map((seed) =>
      replay({ ...ticTacToe, start: { ...start, seed }, replies: ['<move>5</move>'], opponent: ['hello'] }),
    );
    for (const { error } of nonsense) expect(error).toContain('"hello" is no action');
  });
});
