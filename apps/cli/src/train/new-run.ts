// A new run: what its options name, and what is decided where they name nothing.

import { type EnvironmentDefinition, findEnvironment, resolveConfig } from '@ludic/environments';
import { decideSettings, modelTraits, type TrainSettings } from '@ludic/grpo';
import { ADAMW_FIELDS, LORA_FIELDS, LOSS_FIELDS, RUN_FIELDS, shardsFor, trainSettings } from '@ludic/grpo/internal';
import type { RunStart } from '@ludic/grpo/node';
import type { HistoryStrategy } from '@ludic/history';
import type { ExportDtype } from '@ludic/models';
import { UsageError } from '../failure.ts';
import { originOfGame } from '../game-files.ts';
import { openFiles } from '../models/open.ts';
import { fieldValues, flagOf } from '../options/fields.ts';
import { exportDtypes, readEnvConfig } from '../options/input.ts';
import { choicesText } from './choices.ts';
import { AUTO } from './recipe.ts';

/** Settings that are options under their own names. */
export const FIELDS = { ...RUN_FIELDS, ...LOSS_FIELDS, ...ADAMW_FIELDS };

/** Options that have no field of their name. */
export interface NewRunOptions {
  readonly env?: string;
  readonly envConfig: string;
  readonly model: string;
  readonly reference?: string;
  readonly warmStart?: number | 'auto';
  readonly warmStartEpisodes?: number;
  readonly warmStartPlayer?: string;
  readonly warmStartTeach?: 'replies' | 'notes';
  readonly warmStartHistory?: HistoryStrategy;
  readonly onnx?: true | readonly ExportDtype[];
  readonly workers?: number;
  readonly recipe?: string;
  readonly json?: boolean;
}

type NewRunFields = NewRunOptions & Readonly<Record<string, unknown>>;

/** Decides what the options leave open, and prints it. @throws UsageError */
export async function newRun(options: NewRunFields): Promise<RunStart> {
  if (options.env === undefined) throw new UsageError('--env or --recipe is needed for a new run.');
  const environmentConfig = readEnvConfig(options.envConfig);
  const environment: EnvironmentDefinition = findEnvironment(options.env);
  resolveConfig(environment, environmentConfig);
  const game = { environment: environment.id, environmentConfig };
  const { lora_rank, ...ofAdapter } = fieldValues(LORA_FIELDS, options);
  const [flag] = Object.keys(ofAdapter).map(flagOf);
  if (lora_rank === undefined && flag !== undefined) throw new UsageError(`${flag} needs --lora-rank.`);
  const given = { ...fieldValues({ ...FIELDS, ...LORA_FIELDS }, options), ...warmStartField(options) };
  const start = (settings: TrainSettings): RunStart => ({
    kind: 'new',
    model: options.model,
    ...(options.reference !== undefined && { reference: options.reference }),
    ...originOfGame(environment.id),
    settings: sharded(settings, options),
    ...onnxOf(options),
  });
  // A recipe is a whole: what it leaves out has its fixed default, so that it trains today as it did before.
  if (options.recipe !== undefined && options.recipe !== AUTO) return start(trainSettings(game, given));
  const model = await modelTraits(await openFiles(options.model));
  const { settings, choices } = decideSettings({ ...game, model, given });
  const out = options.json ? process.stderr : process.stdout;
  if (choices.length > 0) out.write(`${choicesText(choices)}\n`);
  return start(settings);
}

/** `warm_start` as a field, where an option names it. */
function warmStartField(options: NewRunFields) {
  const { warmStart, warmStartEpisodes, warmStartPlayer, warmStartTeach, warmStartHistory } = options;
  const plan = {
    ...(warmStartEpisodes !== undefined && { episodes: warmStartEpisodes }),
    ...(warmStartPlayer !== undefined && { player: warmStartPlayer }),
    ...(warmStartTeach !== undefined && { teach: warmStartTeach }),
    ...(warmStartHistory !== undefined && { history: warmStartHistory }),
  };
  if (warmStart !== undefined && warmStart !== 'auto') return { warm_start: { steps: warmStart, ...plan } };
  if (Object.keys(plan).length > 0) {
    const message =
      '--warm-start-episodes, --warm-start-player, --warm-start-teach and --warm-start-history need --warm-start with a number of steps.';
    throw new UsageError(message);
  }
  return warmStart && { warm_start: warmStart };
}

/** One shard for each worker, where --shards is not given. */
function sharded(settings: TrainSettings, { workers, shards }: NewRunFields): TrainSettings {
  if (workers === undefined || shards !== undefined) return settings;
  return { ...settings, shards: shardsFor(settings, workers) };
}

/** `--onnx` without names stands for fp32. */
export const onnxOf = ({ onnx }: Pick<NewRunOptions, 'onnx'>): { readonly onnx?: readonly ExportDtype[] } =>
  onnx ? { onnx: onnx === true ? exportDtypes('fp32') : onnx } : {};
