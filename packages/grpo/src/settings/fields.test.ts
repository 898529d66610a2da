import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { camelCase, settingsToJson, snakeCase, trainingFields, trainSettings } from './convert.ts';
import { ADAMW_FIELDS, LORA_FIELDS, LOSS_FIELDS, RUN_FIELDS } from './fields.ts';
import { checkSettings, DEFAULT_TRAINING, type TrainSettings } from './train-settings.ts';

/** What the faces do not offer: the game, which each face says in its own way, and what has never had to be changed. */
const ELSEWHERE = ['environmentConfig', 'loss', 'adamw'];
const FIXED_LOSS = ['useBiasCorrectionKl', 'sapoTemperaturePos', 'sapoTemperatureNeg'];
const FIXED_ADAMW = ['beta1', 'epsilon'];
/** Settings without a default. */
const OPTIONAL = ['delta'];

const GAME = { environment: 'tic_tac_toe', environmentConfig: { opponent: 'expert' } };
const DEFAULTS: TrainSettings = { ...DEFAULT_TRAINING, ...GAME };

interface Bounds {
  readonly type: string;
  readonly minimum?: number;
  readonly exclusiveMinimum?: number;
  readonly maximum?: number;
  readonly exclusiveMaximum?: number;
}

/** A value that a field accepts. */
function arbitrary(schema: z.ZodType): fc.Arbitrary<unknown> {
  if (schema instanceof z.ZodEnum) return fc.constantFrom(...schema.options);
  if (schema instanceof z.ZodBoolean) return fc.boolean();
  if (schema instanceof z.ZodArray) return fc.array(fc.constantFrom('q_proj', 'k_proj'), { maxLength: 3 });
  if (schema instanceof z.ZodRecord)
    return fc.dictionary(fc.constantFrom('enable_thinking', 'date_string'), fc.oneof(fc.boolean(), fc.string()));
  const { type, minimum, exclusiveMinimum, maximum, exclusiveMaximum } = z.toJSONSchema(schema) as Bounds;
  const [low, high] = [minimum ?? exclusiveMinimum ?? 0, maximum ?? exclusiveMaximum ?? 1e9];
  if (type === 'integer') return fc.integer({ min: Math.ceil(low), max: Math.min(high, 2 ** 31) });
  return fc.double({ min: low, max: high, noNaN: true }).filter((value) => schema.safeParse(value).success);
}
const FIELDS = { ...RUN_FIELDS, ...LOSS_FIELDS, ...ADAMW_FIELDS };
const anyFields = fc.record(
  Object.fromEntries(Object.entries(FIELDS).map(([name, schema]) => [name, arbitrary(schema)])),
  { requiredKeys: [] },
);

describe('the fields of training', () => {
  it.each([
    ['the run', DEFAULT_TRAINING, RUN_FIELDS, ELSEWHERE],
    ['the loss', DEFAULT_TRAINING.loss, LOSS_FIELDS, FIXED_LOSS],
    ['AdamW', DEFAULT_TRAINING.adamw, ADAMW_FIELDS, FIXED_ADAMW],
  ])('are the settings of %s, all of them and no others', (_, settings, fields, exceptions) => {
    const named = Object.keys(fields).map((name) => camelCase(name));
    const offered = Object.keys(settingsToJson(settings)).filter((name) => !exceptions.includes(name));
    expect(named.filter((name) => !OPTIONAL.includes(name)).sort()).toEqual(offered.sort());
    for (const name of exceptions) expect(settings).toHaveProperty(name);
  });

  it('accept every default of the library', () => {
    const defaults: Readonly<Record<string, unknown>> = trainingFields(DEFAULTS);
    for (const [name, schema] of Object.entries(FIELDS)) {
      if (OPTIONAL.includes(name)) continue;
      expect(schema.safeParse(defaults[name]), name).toMatchObject({ success: true });
    }
  });

  it('have one name each, a description, and come back from both cases', () => {
    const all = { ...FIELDS, ...LORA_FIELDS };
    const counts = [RUN_FIELDS, LOSS_FIELDS, ADAMW_FIELDS, LORA_FIELDS].map((fields) => Object.keys(fields).length);
    expect(Object.keys(all)).toHaveLength(counts.reduce((a, b) => a + b, 0));
    for (const [name, schema] of Object.entries(all)) {
      expect(schema.description, name).toMatch(/\w/);
      expect(snakeCase(camelCase(name))).toBe(name);
    }
  });

  it('that say nothing are the defaults', () => {
    expect(trainSettings(GAME, {})).toEqual(DEFAULTS);
  });

  it('and complete settings say the same', () => {
    fc.assert(
      fc.property(anyFields, fc.option(fc.integer({ min: 1, max: 4096 })), (given, rank) => {
        const fields = { ...given, ...(rank !== null && { lora_rank: rank }) };
        const settings = trainSettings(GAME, fields);
        expect(trainSettings(GAME, trainingFields(settings))).toEqual(settings);
        expect(trainingFields(settings)).toMatchObject(fields);
        expect(settings.environmentConfig).toEqual(GAME.environmentConfig);
        expect(settings.lora).toEqual(
          rank === null ? undefined : { rank, alpha: 2 * rank, targets: [], rankStabilized: false },
        );
      }),
    );
  });

  it('that are accepted one by one are settings that the library accepts', () => {
    fc.assert(
      fc.property(anyFields, (given) => {
        const groupSize = (given.group_size as number | undefined) ?? DEFAULTS.groupSize;
        // What two fields say together is checked where requests are.
        const settings = trainSettings(GAME, {
          ...given,
          batch_size: groupSize,
          shards: 1,
          delta: undefined,
          given_notes: 0,
          note_reward: 0,
        });
        expect(() => checkSettings(settings)).not.toThrow();
      }),
    );
  });

  it('of an adapter may leave out its strength and its layers', () => {
    const { lora } = trainSettings(GAME, { lora_rank: 8, lora_alpha: 4, lora_targets: ['q_proj'] });
    expect(lora).toEqual({ rank: 8, alpha: 4, targets: ['q_proj'], rankStabilized: false });
    expect(trainSettings(GAME, { lora_alpha: 4 }).lora).toBeUndefined();
  });
});
