// Between settings as users name them (`group_size`, flat), as config.json keeps them (`groupSize`, in parts) and as the
// library holds them. Knows names alone and no schema, so that a page can do without the schema library.

import { lossRow } from '../loss/loss-types.ts';
import { DEFAULT_ADAMW } from '../optimizer/adamw.ts';
import { AUTO_WARM_START, type WarmStartChoice, type WarmStartPlan } from '../warm-start/plan.ts';
import type { TrainingFields } from './fields.ts';
import { DEFAULT_LOSS } from './loss-settings.ts';
import { DEFAULT_TRAINING, type TrainSettings } from './train-settings.ts';

type Camel<Name extends string> = Name extends `${infer Head}_${infer Tail}`
  ? `${Head}${Capitalize<Camel<Tail>>}`
  : Name;

/** `group_size` as `groupSize`. */
export const camelCase = <Name extends string>(name: Name) =>
  name.replaceAll(/_(\w)/g, (_, letter: string) => letter.toUpperCase()) as Camel<Name>;

/** `groupSize` as `group_size`. */
export const snakeCase = (name: string) => name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** Settings that users and config.json know by an older name than the library does. */
const NAMES_IN_FILES: Readonly<Record<string, string>> = {
  advantageEstimator: 'credit',
  finalRegularization: 'finalExploration',
  dynamicSamplingRounds: 'resampleRounds',
};
const NAMES_IN_LIBRARY = Object.fromEntries(Object.entries(NAMES_IN_FILES).map(([name, inFile]) => [inFile, name]));

export const renamed = (settings: object, names: Readonly<Record<string, string>>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(settings).map(([name, value]) => [names[name] ?? name, value]));

/** Settings under the names that config.json has for them, in the same order. */
export const settingsToJson = (settings: object): Record<string, unknown> => renamed(settings, NAMES_IN_FILES);

/**
 * The inverse of `settingsToJson`. A setting that is younger than the file has its default; names that the library does
 * not know stay as they are.
 */
export const settingsFromJson = (written: object): TrainSettings =>
  ({ ...DEFAULT_TRAINING, ...renamed(written, NAMES_IN_LIBRARY) }) as TrainSettings;

/** Parts of the settings, and what has no field: it is named in another way, or has never had to be changed. */
const UNNAMED: ReadonlySet<string> = new Set([
  'environmentConfig',
  'loss',
  'adamw',
  'useBiasCorrectionKl',
  'sapoTemperaturePos',
  'sapoTemperatureNeg',
  'beta1',
]);

/** Pairs of a field and the setting's name in the library. */
const namesOf = (settings: object, ...more: readonly string[]): (readonly [string, string])[] =>
  [...Object.keys(settings), ...more]
    .filter((name) => !UNNAMED.has(name))
    .map((name) => [snakeCase(NAMES_IN_FILES[name] ?? name), name]);

const RUN_NAMES = namesOf(DEFAULT_TRAINING);
/** `delta` has no default. */
const LOSS_NAMES = namesOf(DEFAULT_LOSS, 'delta');
/** The loss has an `epsilon` of its own, which is the one that has a field. */
const ADAMW_NAMES = namesOf(DEFAULT_ADAMW).filter(([field]) => field !== 'epsilon');

type Names = ReturnType<typeof namesOf>;

/** What `given` says of the fields in `names`, under the names of the library. */
const pick = (names: Names, given: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  Object.fromEntries(
    names.filter(([field]) => given[field] !== undefined).map(([field, name]) => [name, given[field]]),
  );

/** Complete settings: what `fields` say over the library's defaults. */
export function trainSettings(
  game: Pick<TrainSettings, 'environment' | 'environmentConfig'>,
  fields: TrainingFields,
): TrainSettings {
  const { epsilonHigh } = lossRow(fields.loss_type ?? DEFAULT_LOSS.lossType);
  return withFields({ ...DEFAULT_TRAINING, ...game, loss: { ...DEFAULT_LOSS, epsilonHigh } }, fields);
}

/** Settings with what `fields` say in their place. */
export function withFields(settings: TrainSettings, fields: TrainingFields): TrainSettings {
  const { lora_rank: rank, lora_alpha: alpha, lora_targets: targets, base_bits: baseBits } = fields;
  const { warm_start: warmStart } = fields;
  // The fields' checks have the types of the settings: `fields.test.ts` holds the two together.
  return {
    ...settings,
    ...pick(RUN_NAMES, fields),
    loss: { ...settings.loss, ...pick(LOSS_NAMES, fields) },
    adamw: { ...settings.adamw, ...pick(ADAMW_NAMES, fields) },
    ...(rank !== undefined && {
      lora: { rank, alpha: alpha ?? 2 * rank, targets: targets ?? [], rankStabilized: false },
    }),
    ...(baseBits !== undefined && { baseBits }),
    ...(warmStart !== undefined && { warmStart: warmStartOf(warmStart) }),
  } as TrainSettings;
}

function warmStartOf(field: NonNullable<TrainingFields['warm_start']>): WarmStartChoice {
  if (field === 'auto') return field;
  const { learning_rate: learningRate, ...plan } = field;
  return { ...AUTO_WARM_START, ...plan, ...(learningRate !== undefined && { learningRate }) } as WarmStartPlan;
}

function warmStartField(choice: WarmStartChoice): TrainingFields['warm_start'] {
  if (choice === 'auto') return choice;
  const { learningRate, ...plan } = choice;
  return { ...plan, ...(learningRate !== undefined && { learning_rate: learningRate }) };
}

/** Settings as fields, complete: the inverse of `trainSettings`. */
export function trainingFields(settings: TrainSettings): TrainingFields {
  const { lora, baseBits, warmStart } = settings;
  const from = (names: Names, source: object) =>
    Object.fromEntries(
      names.flatMap(([field, name]) => {
        const value = (source as Readonly<Record<string, unknown>>)[name];
        return value === undefined ? [] : [[field, value]];
      }),
    );
  return {
    ...from(RUN_NAMES, settings),
    ...from(LOSS_NAMES, settings.loss),
    ...from(ADAMW_NAMES, settings.adamw),
    ...(lora && { lora_rank: lora.rank, lora_alpha: lora.alpha, lora_targets: lora.targets }),
    ...(baseBits !== undefined && { base_bits: baseBits }),
    ...(warmStart !== undefined && { warm_start: warmStartField(warmStart) }),
  } as TrainingFields;
}

/** The library's defaults as fields. */
export const DEFAULT_FIELDS = trainingFields({ ...DEFAULT_TRAINING, environment: '' });
