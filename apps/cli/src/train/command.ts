// ludic train: GRPO on a model in a game, in a run folder.

import { availableParallelism } from 'node:os';
import {
  ADAMW_FIELDS,
  AUTO_WARM_START,
  CHANGEABLE,
  camelCase,
  decideSettings,
  gigabytes,
  LORA_FIELDS,
  LOSS_FIELDS,
  modelTraits,
  RUN_FIELDS,
  type TrainSettings,
  trainSettings,
} from '@ludic/grpo';
import { peakMemory, processMemory, RunFolder, type RunStart, runTraining, STEP_TIMEOUT } from '@ludic/grpo/node';
import type { ExportDtype } from '@ludic/models';
import type { TrackingSettings } from '@ludic/tracking';
import { Command } from 'commander';
import { UsageError } from '../failure.ts';
import { modelOption, openFiles } from '../models/open.ts';
import { type DeviceChoice, deviceOption, openRuntime } from '../options/device.ts';
import { fieldOption, fieldOptions, fieldValues } from '../options/fields.ts';
import { chooseGame, envConfigOption, exportDtypes, whole } from '../options/input.ts';
import { stepTimeoutOption, watchGames } from '../options/step-timeout.ts';
import { choicesText } from './choices.ts';
import { groupOptions, TRAIN_EXAMPLES } from './help.ts';
import { LiveView } from './live-view.ts';
import { AUTO, followRecipe } from './recipe.ts';
import { TRACKING_NAMES, type TrackingOptions, trackerOf, trackingOptions, trackingSettings } from './tracking.ts';

interface Control extends TrackingOptions {
  readonly env?: string;
  readonly envConfig: string;
  readonly model: string;
  readonly out: string;
  readonly loraRank?: number;
  readonly loraAlpha?: number;
  readonly loraTargets?: readonly string[];
  readonly warmStart?: number | 'auto';
  readonly warmStartEpisodes?: number;
  readonly warmStartPlayer?: string;
  readonly onnx?: true | readonly ExportDtype[];
  readonly device: DeviceChoice;
  readonly threads?: number;
  readonly workers?: number;
  readonly workerTimeout: number;
  readonly stepTimeout: number;
  readonly resume?: boolean;
  readonly recipe?: string;
  readonly json?: boolean;
}

/** Seconds. Even a shard of a large model is done sooner; a process that hangs is rare. */
const WORKER_TIMEOUT = 3600;

const { lora_rank, lora_alpha, lora_targets } = LORA_FIELDS;
const FIELDS = { ...RUN_FIELDS, ...LOSS_FIELDS, ...ADAMW_FIELDS };

export function trainCommand(): Command {
  const command = new Command('train')
    .description('Train a model in a game with GRPO')
    .requiredOption('--out <folder>', 'Folder of the run: settings, curve, checkpoints, final model')
    .option(
      '--recipe <name>',
      'Recipe, settings that train well: auto (the default: chosen for the game and the model), one of recipes/, or a .json file; options beside it come first',
    )
    .option('--env <id>', 'Game to train in (needed for a new run); ludic games lists them')
    .addOption(envConfigOption())
    .addOption(modelOption(', to start from'))
    .addOption(fieldOption('lora_rank', lora_rank))
    .addOption(fieldOption('lora_alpha', lora_alpha))
    .addOption(fieldOption('lora_targets', lora_targets))
    .option(
      '--warm-start <n>',
      'Steps in which the model is taught the reply format before the first, or auto: where nearly all its replies are invalid',
      warmStartSteps,
    )
    .option(
      '--warm-start-episodes <n>',
      `Games of a step of the warm start (default: ${AUTO_WARM_START.episodes})`,
      whole(1),
    )
    .option(
      '--warm-start-player <name>',
      'Player whose replies are taught; random teaches the format alone (default: random)',
    )
    .option(
      '--onnx [names]',
      'Graphs that transformers.js loads, in every checkpoint and in final/: fp32, fp16, q4, with commas between (default: fp32)',
      exportDtypes,
    )
    .option(
      '--resume',
      'Go on with the run that the folder holds; its own settings stay, but for those given that may change (--learning-rate and others)',
    )
    .addOption(deviceOption())
    .option(
      '--threads <n>',
      'Threads of one run of the network on the CPU, kept for --resume (default: one per core; with shards 1)',
      whole(1),
    )
    .option('--workers <n>', 'Processes that share each update; the weights are those of one (default: 1)', whole(1))
    .option('--worker-timeout <s>', 'Seconds after which a silent worker is started again', whole(1), WORKER_TIMEOUT)
    .addOption(stepTimeoutOption())
    .option('--json', 'End with one JSON object');
  for (const option of [...trackingOptions(), ...fieldOptions(FIELDS, {})]) command.addOption(option);
  groupOptions(command);
  return command.addHelpText('after', TRAIN_EXAMPLES).action(async (options: Control & Record<string, unknown>) => {
    if (options.recipe !== undefined) {
      if (options.resume) throw new UsageError('A run that is resumed keeps its own settings: leave --recipe out.');
      if (options.recipe !== AUTO) await followRecipe(command, options.recipe);
    }
    const start = options.resume ? await resumed(command, options) : await decided(options);
    const { status } = await trainInFolder(start, options.out, {
      json: options.json ?? false,
      device: options.device,
      tracking: await trackingSettings(options, options.resume ? options.out : undefined),
      workerTimeout: options.workerTimeout,
      stepTimeout: options.stepTimeout,
      ...(options.threads !== undefined && { threads: options.threads }),
      ...(options.workers !== undefined && { workers: options.workers }),
    });
    if (status === 'interrupted') process.exitCode = 130;
    if (status === 'stopped') process.exitCode = 1;
  });
}

const warmStartSteps = (text: string): number | 'auto' => (text === 'auto' ? text : whole(1)(text));

/** The field that the options say; none where they say nothing. */
function warmStartField({ warmStart, warmStartEpisodes: episodes, warmStartPlayer: player }: Control) {
  if (warmStart === undefined || warmStart === 'auto') {
    if (episodes !== undefined || player !== undefined)
      throw new UsageError('--warm-start-episodes and --warm-start-player need --warm-start with a number of steps.');
    return warmStart && { warm_start: warmStart };
  }
  const plan = { ...(episodes !== undefined && { episodes }), ...(player !== undefined && { player }) };
  return { warm_start: { steps: warmStart, ...plan } };
}

/** A resumed run keeps its settings, but for those that may change: giving others is a mistake, not a wish to be ignored. */
async function resumed(command: Command, { out }: Control): Promise<RunStart> {
  const free = new Set([
    'out',
    'resume',
    'json',
    'device',
    'workers',
    'workerTimeout',
    'stepTimeout',
    ...TRACKING_NAMES,
  ]);
  const given = command.options.filter((option) => {
    const name = option.attributeName();
    return !free.has(name) && command.getOptionValueSource(name) === 'cli';
  });
  if (given.length === 0) return { kind: 'resume' };
  const { config } = await RunFolder.open(out);
  const wanted: Record<string, unknown> = { ...command.opts(), ...onnxOf(command.opts()) };
  const stored: Record<string, unknown> = {
    ...config.settings,
    ...config.settings.loss,
    ...config.settings.adamw,
    env: config.settings.environment,
    model: config.model,
    envConfig: JSON.stringify(config.settings.environmentConfig),
    loraRank: config.settings.lora?.rank,
    loraAlpha: config.settings.lora?.alpha,
    loraTargets: config.settings.lora?.targets.join(),
    ...warmStartOptions(config.settings.warmStart),
    onnx: config.onnx?.join() ?? 'none',
    // A run that left them to the runtime may be given others.
    threads: config.threads ?? wanted.threads,
  };
  const change: Record<string, unknown> = {};
  for (const option of given) {
    const name = option.attributeName();
    const text = (value: unknown) => (typeof value === 'string' ? value.replaceAll(/\s/g, '') : String(value));
    if (text(stored[name]) === text(wanted[name])) continue;
    const field = CHANGEABLE.find((each) => camelCase(each) === name);
    if (field === undefined) {
      const free = CHANGEABLE.map((each) => `--${each.replaceAll('_', '-')}`).join(', ');
      throw new UsageError(
        `${option.long} ${wanted[name]} differs from the run's own ${stored[name]}. Leave it out, or start a new run in another folder. A run may be resumed with other values of ${free}.`,
      );
    }
    change[field] = wanted[name];
  }
  return Object.keys(change).length === 0 ? { kind: 'resume' } : { kind: 'resume', change };
}

const warmStartOptions = (choice: TrainSettings['warmStart']) =>
  typeof choice === 'object'
    ? { warmStart: choice.steps, warmStartEpisodes: choice.episodes, warmStartPlayer: choice.player ?? 'random' }
    : { warmStart: choice ?? 'none' };

/** A new run: what is named, and what is decided where nothing is; that is said. */
async function decided(options: Control & Record<string, unknown>): Promise<RunStart> {
  if (options.env === undefined) throw new UsageError('--env or --recipe is needed for a new run.');
  const { definition, raw } = chooseGame(options.env, options.envConfig);
  const { loraRank, loraAlpha, loraTargets } = options;
  if (loraRank === undefined && (loraAlpha !== undefined || loraTargets !== undefined))
    throw new UsageError('--lora-alpha and --lora-targets need --lora-rank.');
  const game = { environment: definition.id, environmentConfig: raw };
  const given = { ...fieldValues({ ...FIELDS, ...LORA_FIELDS }, options), ...warmStartField(options) };
  const start = (settings: TrainSettings): RunStart => ({
    kind: 'new',
    model: options.model,
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

/** With workers and no word of shards, one shard for each. */
function sharded(settings: TrainSettings, { workers, shards }: Control & Record<string, unknown>): TrainSettings {
  if (workers === undefined || shards !== undefined) return settings;
  const groups = Math.floor(settings.batchSize / settings.groupSize);
  return { ...settings, shards: Math.max(1, Math.min(workers, groups)) };
}

/** `--onnx` without names stands for fp32. */
const onnxOf = ({ onnx }: Pick<Control, 'onnx'>): { readonly onnx?: readonly ExportDtype[] } =>
  onnx ? { onnx: onnx === true ? exportDtypes('fp32') : onnx } : {};

export interface Machine {
  readonly json: boolean;
  readonly device?: DeviceChoice;
  readonly threads?: number;
  readonly workers?: number;
  /** Seconds. */
  readonly workerTimeout?: number;
  /** Seconds in one call of a game; 0: for ever. */
  readonly stepTimeout?: number;
  readonly tracking?: TrackingSettings;
}

/**
 * Threads decide how sums are rounded, so they are the run's. With shards it is one unless another number is asked for:
 * then the weights do not depend on how many cores or workers there are.
 */
async function threadsOf(start: RunStart, out: string, wanted: number | undefined): Promise<number | undefined> {
  if (start.kind === 'new') return wanted ?? (start.settings.shards > 1 ? 1 : undefined);
  return (await RunFolder.open(out)).config.threads ?? wanted;
}

/** Runs to the end, or until Ctrl-C asks for a checkpoint. */
export async function trainInFolder(given: RunStart, out: string, machine: Machine) {
  const { json, device = 'cpu', workers, workerTimeout = WORKER_TIMEOUT, stepTimeout = STEP_TIMEOUT } = machine;
  const { tracking = {} } = machine;
  watchGames(stepTimeout, `Nothing that was saved is lost; go on with: npm run ludic -- train --out ${out} --resume`);
  const threads = await threadsOf(given, out, machine.threads);
  const start: RunStart = given.kind === 'new' && threads !== undefined ? { ...given, threads } : given;
  const { precision } = start.kind === 'new' ? start.settings : (await RunFolder.open(out)).config.settings;
  // Before Ctrl-C gets another meaning: whoever stops a download wants it to stop.
  const files = start.kind === 'new' ? await openFiles(start.model) : undefined;
  const controller = new AbortController();
  const interrupt = () => {
    // The second time means it.
    if (controller.signal.aborted) process.exit(130);
    process.stderr.write('\nSaving; press Ctrl-C again to stop at once.\n');
    controller.abort();
  };
  process.on('SIGINT', interrupt);
  process.on('SIGTERM', interrupt);
  const view = new LiveView(json ? process.stderr : process.stdout);
  const tracker = trackerOf(out, tracking, (line) => view.note(line));
  try {
    const runtime = await openRuntime(device, threads, precision);
    const result = await runTraining(start, {
      folder: out,
      runtime,
      openFiles: async (name) => files ?? openFiles(name),
      clock: () => performance.now(),
      signal: controller.signal,
      onEvent: (event) => {
        view.show(event);
        tracker?.on(event);
      },
      memory: processMemory(),
      ...(workers !== undefined && {
        workers: {
          count: workers,
          cores: availableParallelism(),
          runtime: {
            device: runtime.device,
            float16: precision === 'float16',
            ...(threads !== undefined && { threads }),
          },
          timeoutSeconds: workerTimeout,
          stepTimeoutSeconds: stepTimeout,
        },
      }),
    }).catch(async (error: unknown) => {
      await tracker?.end('failed');
      throw error;
    });
    view.close();
    await tracker?.end(result.status === 'stopped' ? 'failed' : result.status);
    const say = (line: string) => (json ? process.stderr : process.stdout).write(`${line}\n`);
    if (result.status === 'interrupted')
      say(`Stopped after step ${result.step}. Go on with: npm run ludic -- train --out ${out} --resume`);
    else if (result.status === 'stopped') {
      say(
        `Stopped by a watchdog after step ${result.step}: ${out}/final holds the model of step ${result.best?.step ?? 0}.`,
      );
      say(`To go on all the same: npm run ludic -- train --out ${out} --resume`);
    } else if (result.best)
      say(`Done: ${out}/final holds the model of step ${result.best.step}, the best in evaluation.`);
    const peak = result.peakMemory ?? peakMemory();
    say(`Peak memory ${gigabytes(peak)}.`);
    if (json) {
      console.log(
        JSON.stringify({
          status: result.status,
          ...(result.reason !== undefined && { reason: result.reason }),
          out,
          steps: result.step,
          best_step: result.best?.step ?? null,
          results: result.evaluation ?? null,
          peak_memory_bytes: peak,
        }),
      );
    }
    return result;
  } finally {
    process.off('SIGINT', interrupt);
    process.off('SIGTERM', interrupt);
  }
}
