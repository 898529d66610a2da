// Between settings as users name them (`group_size`, flat) and as the library holds them (`groupSize`, in parts). Knows
// names alone and no schema, so that a page can do without the schema library.

import { DEFAULT_ADAMW } from '../optimizer/adamw.ts';
import { AUTO_WARM_START, type WarmStartChoice, type WarmStartPlan } from '../warm-start/plan.ts';
import type { TrainingFields } from './fields.ts';
import { DEFAULT_LOSS, defaultEpsilonHigh } from './loss-settings.ts';
import { DEFAULT_TRAINING, type TrainSettings } from './train-settings.ts';

type Camel<Name extends string> = Name extends `${infer Head}_${infer Tail}`
  ? `${Head}${Capitalize<Camel<Tail>>}`
  : Name;

/** `group_size` as `groupSize`. */
export const camelCase = <Name extends string>(name: Name) =>
  name.replaceAll(/_(\w)/g, (_, letter: string) => letter.toUpperCase()) as Camel<Name>;

/** `groupSize` as `group_size`. */
export const snakeCase = (name: string) => name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** Parts of the settings, and what has no field: it is told in another way, or has never had to be changed. */
const UNNAMED: ReadonlySet<string> = new Set([
  'environmentConfig',
  'loss',
  'adamw',
  'useBiasCorrectionKl',
  'sapoTemperaturePos',
  'sapoTemperatureNeg',
  'beta1',
]);

const namesOf = (settings: object, ...more: readonly string[]) =>
  [...Object.keys(settings), ...more].filter((name) => !UNNAMED.has(name)).map(snakeCase);

const RUN_NAMES = namesOf(DEFAULT_TRAINING);
/** `delta` has no default. */
const LOSS_NAMES = namesOf(DEFAULT_LOSS, 'delta');
/** The loss has an `epsilon` of its own, which is the one that has a field. */
const ADAMW_NAMES = namesOf(DEFAULT_ADAMW).filter((name) => name !== 'epsilon');

/** Those of `names` that `given` has, under their names in TypeScript. */
function pick(names: readonly string[], given: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    names.filter((name) => given[name] !== undefined).map((name) => [camelCase(name), given[name]]),
  );
}

/** Complete settings: what `fields` say over the library's defaults. */
export function trainSettings(
  game: Pick<TrainSettings, 'environment' | 'environmentConfig'>,
  fields: TrainingFields,
): TrainSettings {
  const { lora_rank: rank, lora_alpha: alpha, lora_targets: targets, warm_start: warmStart } = fields;
  // The fields' checks have the types of the settings: `fields.test.ts` holds the two together.
  return {
    ...DEFAULT_TRAINING,
    ...pick(RUN_NAMES, fields),
    ...game,
    loss: {
      ...DEFAULT_TRAINING.loss,
      epsilonHigh: defaultEpsilonHigh(fields.loss_type ?? DEFAULT_LOSS.lossType),
      ...pick(LOSS_NAMES, fields),
    },
    adamw: { ...DEFAULT_TRAINING.adamw, ...pick(ADAMW_NAMES, fields) },
    ...(rank !== undefined && {
      lora: { rank, alpha: alpha ?? 2 * rank, targets: targets ?? [], rankStabilized: false },
    }),
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
  const { lora, warmStart } = settings;
  const from = (names: readonly string[], source: object) =>
    Object.fromEntries(
      names.flatMap((name) => {
        const value = (source as Readonly<Record<string, unknown>>)[camelCase(name)];
        return value === undefined ? [] : [[name, value]];
      }),
    );
  return {
    ...from(RUN_NAMES, settings),
    ...from(LOSS_NAMES, settings.loss),
    ...from(ADAMW_NAMES, settings.adamw),
    ...(lora && { lora_rank: lora.rank, lora_alpha: lora.alpha, lora_targets: lora.targets }),
    ...(warmStart !== undefined && { warm_start: warmStartField(warmStart) }),
  } as TrainingFields;
}
