// What a model carries is read back as it was written; what is damaged is refused, and what is newer left alone.

import { describe, expect, it } from 'vitest';
import { type CarriedGame, carriedGameText, gameDifference, readCarriedGame } from './internal.ts';

const game: CarriedGame = {
  environment: 'key_door',
  config: { size: 3, max_steps: 20 },
  history: 'SCRATCHPAD',
  temperature: 0.9,
  maxCompletionLength: 96,
  stop: ['</action>'],
};
const filesOf = (text: string | undefined) => ({
  name: 'model',
  read: async (file: string) =>
    file === 'ludic.json' && text !== undefined ? new TextEncoder().encode(text) : undefined,
});

describe('the game that a model carries', () => {
  it('is read as it was written', async () => {
    for (const one of [game, { ...game, evalTemperature: 0, templateOptions: { enable_thinking: false } }])
      expect(await readCarriedGame(filesOf(carriedGameText(one)))).toEqual(one);
  });

  it('is none where there is no file, or one of another version', async () => {
    expect(await readCarriedGame(filesOf(undefined))).toBeUndefined();
    expect(await readCarriedGame(filesOf('{"format_version": 2}'))).toBeUndefined();
    expect(await readCarriedGame(filesOf('null'))).toBeUndefined();
  });

  it.each([
    ['environment', 7],
    ['environment_config', [1]],
    ['history', 7],
    ['temperature', '1'],
    ['eval_temperature', null],
    ['max_completion_length', 1.5],
    ['stop', [1]],
  ])('is refused where its %s is %s', async (name, value) => {
    const json = { ...JSON.parse(carriedGameText(game)), [name]: value };
    await expect(readCarriedGame(filesOf(JSON.stringify(json)))).rejects.toThrow('ludic.json of model is damaged');
  });

  it('is compared with what is played, defaults included', () => {
    const played = { environment: 'key_door', config: {}, history: 'SCRATCHPAD' } as const;
    expect(gameDifference(game, game)).toBeUndefined();
    expect(gameDifference({ ...game, config: {} }, played)).toBeUndefined();
    expect(gameDifference(game, { ...played, config: { max_steps: 20 } })).toBe(
      'The model was trained with size 3; this is size 4.',
    );
    expect(gameDifference(game, { ...played, config: { size: 3 }, history: 'NO_HISTORY' })).toBe(
      'The model was trained with max_steps 20, history SCRATCHPAD; this is max_steps 50, history NO_HISTORY.',
    );
    expect(gameDifference(game, { ...played, environment: 'tic_tac_toe' })).toBe(
      'The model was trained in key_door; this is tic_tac_toe.',
    );
  });
});
