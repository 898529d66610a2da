import { describe, expect, it } from 'vitest';
import { CHANGEABLE, changedSettings, firstSettings, recordOf } from './changes.ts';
import { trainingFields } from './convert.ts';
import { DEFAULT_TRAINING, type TrainSettings } from './train-settings.ts';

const settings: TrainSettings = {
  ...DEFAULT_TRAINING,
  environment: 'tic_tac_toe',
  lora: { rank: 4, alpha: 8, targets: [], rankStabilized: true },
};

describe('settings that change in the middle of a run', () => {
  it.each([...CHANGEABLE])('%s changes alone', (name) => {
    const changed = changedSettings(settings, { [name]: 0.123 });
    expect(trainingFields(changed)).toEqual({ ...trainingFields(settings), [name]: 0.123 });
    expect(changed.lora).toEqual(settings.lora);
    expect(settings).toEqual({ ...DEFAULT_TRAINING, environment: 'tic_tac_toe', lora: settings.lora });
  });

  it.each(['seed', 'group_size', 'history', 'lora_rank', 'steps', 'environment', '__proto__', 'constructor'])(
    'refuses %s, and says what may change',
    (name) => {
      expect(() => changedSettings(settings, JSON.parse(`{"${name}": 1}`))).toThrow(/may change is learning_rate, /);
    },
  );

  it('knows how the run began, however often it changed', () => {
    const first = recordOf(settings, { learning_rate: 1e-4, beta: settings.loss.beta }, 10)!;
    expect(first).toEqual({ step: 10, from: { learning_rate: settings.learningRate }, to: { learning_rate: 1e-4 } });
    const then = changedSettings(settings, first.to);
    const second = recordOf(then, { learning_rate: 1e-5, beta: 0.2 }, 20)!;
    expect(firstSettings(changedSettings(then, second.to), [first, second])).toEqual(settings);
    expect(recordOf(settings, { learning_rate: settings.learningRate }, 3)).toBeUndefined();
  });
});
