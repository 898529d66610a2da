// Records are read with care, and a brief one is made whole again.

import { findEnvironment, resolveConfig } from '@ludic/environments';
import { scriptedPolicy } from '@ludic/policies';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { EnvironmentSpec } from './environment-spec.ts';
import { asEpisode, briefRecord, RecordError, readEpisodes, readRecord, replayRecord } from './episode-record.ts';
import { playEpisodes } from './play/play.ts';
import { evaluationStarts } from './starts.ts';

const TIC_TAC_TOE: EnvironmentSpec = { environment: 'tic_tac_toe', config: {}, history: 'NO_HISTORY' };

describe('recorded episodes', () => {
  it('keep their tokens', () => {
    const tokens = { prompt: [1, 2], completion: [3], logprobs: [-0.5], entropies: [0.25] };
    const [recorded] = readEpisodes(JSON.stringify(episodeOf({ text: 'x', finish: 'length', tokens })), TIC_TAC_TOE);
    expect(recorded!.episode.turns[0]!.reply).toEqual({
      text: 'x',
      finish: 'length',
      tokens: {
        prompt: Int32Array.of(1, 2),
        completion: Int32Array.of(3),
        logprobs: Float32Array.of(-0.5),
        entropies: Float32Array.of(0.25),
      },
    });
  });

  it('are read in the form that the service answers, with replies that were cut off', () => {
    const step = { assistant: 'x', info_from_env: { invalid: true } };
    const trajectory = {
      steps: [{ ...step, cut_off: true }, step],
      seed: 7,
      dynamics_seed: 8,
      end_reason: 'truncated',
    };
    expect(asEpisode({ trajectory, reward: 0.5 })).toMatchObject({
      ...{ seed: 7, dynamicsSeed: 8, endReason: 'truncated', reward: 0.5 },
      turns: [
        { info: { invalid: true }, reply: { text: 'x', finish: 'length' } },
        { reply: { text: 'x', finish: 'stop' } },
      ],
    });
    expect(asEpisode('no object')).toBe('no object');
  });

  it('are refused in a sentence where they are none', () => {
    const wrong = [
      '',
      '{',
      '{}\n{',
      '[]',
      'null',
      '{"turns": 3}',
      '{"turns": []}',
      JSON.stringify({ ...episodeOf({ text: 'x' }), endReason: 'tired' }),
      JSON.stringify({ ...episodeOf({ text: 'x' }), seed: 0.5 }),
      JSON.stringify(episodeOf({})),
      JSON.stringify(episodeOf({ text: 'x', tokens: { prompt: ['a'] } })),
    ];
    for (const text of wrong) expect(() => readEpisodes(text, TIC_TAC_TOE), text).toThrow(RecordError);
    fc.assert(
      fc.property(fc.json(), (text) => {
        expect(() => readEpisodes(text, TIC_TAC_TOE)).toThrow(RecordError);
      }),
    );
  });

  it('are whole again when a brief record is played, whatever was played', async () => {
    const config = { size: 3, max_steps: 9 };
    const definition = findEnvironment('key_door');
    const policy = scriptedPolicy('random', () => definition.experts.random(resolveConfig(definition, config)));
    await fc.assert(
      fc.asyncProperty(fc.nat(), fc.constantFrom('NO_HISTORY', 'FULL_HISTORY'), async (seed, history) => {
        const game = { environment: 'key_door', config, history } as const;
        for (const episode of await playEpisodes({ ...game, policy, starts: evaluationStarts(seed, 2) })) {
          const line = JSON.parse(JSON.stringify(briefRecord(episode)));
          expect(readRecord(line)).toEqual(line);
          const turns = episode.turns.map(({ reply: { text, finish }, ...turn }) => ({
            ...turn,
            reply: { text, finish },
          }));
          expect(replayRecord(line, game)).toEqual({ ...episode, turns });
        }
      }),
      { numRuns: 20 },
    );
  });
});

const episodeOf = (reply: object) => ({
  seed: 1,
  dynamicsSeed: 2,
  turns: [{ prompt: [{ role: 'user', content: 'y' }], observation: 'y', reward: 0, info: { invalid: false }, reply }],
  reward: 0,
  endReason: 'truncated',
  finalObservation: '',
});
