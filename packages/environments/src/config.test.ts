import { describe, expect, it } from 'vitest';
import { resolveConfig } from './config.ts';
import { EnvironmentError } from './errors.ts';
import { keyDoor } from './key-door/key-door.ts';
import { environmentIds, environments, findEnvironment, registerEnvironment } from './registry.ts';
import { ticTacToe } from './tic-tac-toe/tic-tac-toe.ts';

function errorOf(act: () => unknown): { readonly code: string; readonly message: string } {
  try {
    act();
  } catch (error) {
    if (error instanceof EnvironmentError) return { code: error.code, message: error.message };
    throw error;
  }
  throw new Error('nothing was thrown');
}

describe('resolveConfig', () => {
  it('fills in the defaults', () => {
    expect(resolveConfig(keyDoor)).toEqual({
      size: 4,
      max_steps: 50,
      key_reward: 0.1,
      door_reward: 1,
      new_cell_reward: 0,
      head_start: 0,
      timeout_reward: -0.5,
      invalid_penalty: 0,
    });
    expect(resolveConfig(ticTacToe, { opponent: 'minimax', epsilon: undefined })).toEqual({
      opponent: 'minimax',
      epsilon: 0.5,
      invalid_penalty: 0,
      max_steps: 10,
      win_reward: 1,
      draw_reward: 0,
      loss_reward: -1,
    });
  });

  it.each([
    [{ sise: 5 }, 'key_door has no setting "sise"'],
    [{ toString: 5 }, 'has no setting "toString"'],
    [{ size: '5' }, 'size of key_door must be a whole number of at least 2 and at most 20, not "5".'],
    [{ size: 4.5 }, 'not 4.5.'],
    [{ size: 1 }, 'not 1.'],
    [{ size: 21 }, 'not 21.'],
    [{ key_reward: Number.NaN }, 'key_reward of key_door must be a number, not NaN.'],
    [{ invalid_penalty: -1 }, 'must be a number of at least 0, not -1.'],
    [{ size: null }, 'not null.'],
    [[], 'must be an object of settings'],
    [null, 'must be an object of settings'],
    ['size', 'must be an object of settings'],
  ])('refuses %j and says why', (raw, sentence) => {
    const error = errorOf(() => resolveConfig(keyDoor, raw));
    expect(error.code).toBe('bad_config');
    expect(error.message).toContain(sentence);
  });

  it('names the choices of a setting with choices', () => {
    const { message } = errorOf(() => resolveConfig(ticTacToe, { opponent: 'good' }));
    expect(message).toBe('opponent of tic_tac_toe must be one of random, minimax, epsilon, not "good".');
  });
});

describe('the registry', () => {
  it('knows both games and names them when asked for another', () => {
    expect(environmentIds()).toEqual(['key_door', 'tic_tac_toe']);
    expect(findEnvironment('key_door')).toBe(environments.get('key_door'));
    const error = errorOf(() => findEnvironment('chess'));
    expect(error.code).toBe('unknown_environment');
    expect(error.message).toContain('"chess"; the known ones are key_door, tic_tac_toe.');
  });

  it('refuses a name that is taken, ill-formed names and defaults outside their range', () => {
    expect(errorOf(() => registerEnvironment(keyDoor)).code).toBe('bad_definition');
    expect(errorOf(() => registerEnvironment({ ...keyDoor, id: 'Key Door' })).code).toBe('bad_definition');
    expect(errorOf(() => registerEnvironment({ ...keyDoor, id: 'k', replyTag: '<a>' })).code).toBe('bad_definition');
    const size = { type: 'integer', default: 1, minimum: 2, description: '' } as const;
    const configSchema = { ...keyDoor.configSchema, properties: { size } };
    expect(errorOf(() => registerEnvironment({ ...keyDoor, id: 'small', configSchema })).code).toBe('bad_config');
    expect(environmentIds()).toHaveLength(2);
  });
});
