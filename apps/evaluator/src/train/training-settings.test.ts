// The form of a training shows the decided defaults, but for what the page and the visitor have named.

import { checkSettings, decideSettings, NANO_TRAITS } from '@ludic/grpo';
import { pagePreset } from '@ludic/grpo/internal';
import { describe, expect, it } from 'vitest';
import { changedFields, settingsFor } from './training-settings.ts';

const key = { environment: 'key_door', config: {}, fields: {} } as const;

describe('the settings of a training in the page', () => {
  it.each(['tic_tac_toe', 'key_door'])('of %s are the decided ones under what the page names', (environment) => {
    const { environmentConfig, fields } = pagePreset(environment);
    const decided = decideSettings({ environment, environmentConfig, given: fields, model: NANO_TRAITS });
    const settings = settingsFor({ environment, config: {}, fields: {} }, NANO_TRAITS);
    expect(settings).toEqual(decided.settings);
    expect(() => checkSettings(settings)).not.toThrow();
  });

  it('are of a grid of 3×3, unless another is named', () => {
    expect(settingsFor(key, NANO_TRAITS).environmentConfig).toMatchObject({ size: 3 });
    expect(settingsFor({ ...key, config: { size: 5 } }, NANO_TRAITS).environmentConfig).toMatchObject({ size: 5 });
  });

  it('follow what the policy sees and what model it is', () => {
    const notes = settingsFor({ ...key, fields: { history: 'SCRATCHPAD' } }, NANO_TRAITS);
    expect(notes.maxCompletionLength).toBeGreaterThan(settingsFor(key, NANO_TRAITS).maxCompletionLength);
    const large = settingsFor(key, { kind: 'instruct', parameters: 500_000_000 });
    expect(large.learningRate).toBeLessThan(1e-4);
    expect(large.warmStart).toBe('auto');
  });

  it('keep what was changed by hand, and decide the rest anew', () => {
    const before = settingsFor(key, NANO_TRAITS);
    const { lora: _, ...whole } = { ...before, lora: undefined };
    const lora = { rank: 4, alpha: 8, targets: [], rankStabilized: false };
    const fields = changedFields(before, { ...whole, steps: 8, loss: { ...before.loss, beta: 0 }, lora });
    expect(fields).toEqual({ steps: 8, beta: 0, lora_rank: 4, lora_alpha: 8, lora_targets: [] });
    const after = settingsFor({ ...key, fields }, NANO_TRAITS);
    expect(after).toMatchObject({ steps: 8, loss: { beta: 0 }, lora, warmupSteps: 1 });
    expect(settingsFor({ ...key, fields: { ...fields, ...changedFields(after, whole) } }, NANO_TRAITS).lora).toBe(
      undefined,
    );
  });
});
