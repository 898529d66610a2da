// Games of trainings and of evaluations are shown alike.

import { findEnvironment, resolveConfig } from '@ludic/environments';
import { scriptedPolicy } from '@ludic/policies';
import { episodeToJson, evaluationStarts, playEpisodes } from '@ludic/rollouts';
import { trajectoryOf } from '@ludic/service/internal';
import { expect, it } from 'vitest';
import { gamesOf } from './games.ts';

it('reads episodes and trajectories as the server writes them', async () => {
  const definition = findEnvironment('tic_tac_toe');
  const config = resolveConfig(definition, {});
  const policy = scriptedPolicy('expert', () => definition.experts.expert(config));
  const table = { environment: definition, config, history: 'NO_HISTORY', policy } as const;
  const [episode] = await playEpisodes({ ...table, starts: evaluationStarts(1, 1) });
  const lines = [
    { step: 11, ...episodeToJson(episode!) },
    { episode: 0, reward: episode!.reward, steps: episode!.turns.length, trajectory: trajectoryOf(episode!) },
  ].map((line) => JSON.parse(JSON.stringify(line)));
  const [trained, evaluated, ...others] = gamesOf([...lines, { of: 'another kind' }]);
  expect(others).toEqual([]);
  expect(trained).toMatchObject({ title: 'Update 11', reward: episode!.reward, outcome: episode!.outcome });
  expect(trained!.end).toBe(episode!.finalObservation);
  expect(evaluated).toMatchObject({ title: 'Game 1', outcome: episode!.outcome });
  expect({ ...evaluated, title: '' }).toEqual({ ...trained, title: '' });
  expect(trained!.turns.map(({ reply }) => reply)).toEqual(episode!.turns.map(({ reply }) => reply.text));
  expect(trained!.rules).toBe(definition.systemPrompt(config));
});

it('takes lines that lack things for what they are', () => {
  const [bare, told] = gamesOf([
    { step: 1, turns: [{}], reward: 0, endReason: 'failed', error: 'No score.' },
    { episode: 4, trajectory: { steps: [{}] }, reward: 0 },
  ]);
  expect(bare).toMatchObject({ outcome: 'failed', end: 'No score.', turns: [{ seen: '', reply: '' }] });
  expect(told).toMatchObject({ title: 'Game 5', outcome: 'ended', end: '', turns: [{ seen: '', reply: '' }] });
});
