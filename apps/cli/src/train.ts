// ludic train: GRPO on a model in a game, in a run folder.

import { availableParallelism } from 'node:os';
import {
  CREDITS,
  DEFAULT_TRAINING,
  gigabytes,
  IMPORTANCE_SAMPLING_LEVELS,
  LOSS_TYPES,
  SCALE_REWARDS,
  SCHEDULES,
  type TrainSettings,
} from '@ludic/grpo';
import { peakMemory, processMemory, RunFolder, type RunStart, runTraining } from '@ludic/grpo/node';
import { HISTORY_STRATEGIES } from '@ludic/history';
import { type ExportDtype, PRECISIONS } from '@ludic/models';
import type { TrackingSettings } from '@ludic/tracking';
import { Command, Option } from 'commander';
import { type DeviceChoice, deviceOption, openRuntime } from './device.ts';
import { UsageError } from './failure.ts';
import { chooseGame, decimal, envConfigOption, exportDtypes, whole } from './input.ts';
import { LiveView } from './live.ts';
import { modelOption, openFiles } from './models.ts';
import { TRACKING_NAMES, type TrackingOptions, trackerOf, trackingOptions, trackingSettings } from './tracking.ts';

interface Control extends TrackingOptions {
  readonly env?: string;
  readonly envConfig: string;
  readonly model: string;
  readonly out: string;
  readonly loraRank?: number;
  readonly loraAlpha?: number;
  readonly loraTargets?: string;
  readonly onnx?: true | readonly ExportDtype[];
  readonly device: DeviceChoice;
  readonly threads?: number;
  readonly workers?: number;
  readonly workerTimeout: number;
  readonly resume?: boolean;
  readonly json?: boolean;
}

const D = DEFAULT_TRAINING;
/** Seconds. Even a shard of a large model is done sooner; a process that hangs is rare. */
const WORKER_TIMEOUT = 3600;

/** Options whose name, in camel case, is the name of the setting. */
const SETTINGS: readonly Option[] = [
  new Option('--history <strategy>', 'what the policy sees').choices(HISTORY_STRATEGIES).default(D.history),
  new Option('--steps <n>', 'optimizer batches').argParser(whole(1)).default(D.steps),
  new Option('--group-size <n>', 'episodes that start from the identical state')
    .argParser(whole(2))
    .default(D.groupSize),
  new Option('--batch-size <n>', 'episodes of a step').argParser(whole(2)).default(D.batchSize),
  new Option(
    '--shards <n>',
    'parts of a batch that are computed each by itself, for several workers; as many as --workers where they are given',
  )
    .argParser(whole(1))
    .default(D.shards),
  new Option('--seed <n>', 'decides everything that is random').argParser(whole(0)).default(D.seed),
  new Option('--learning-rate <x>', 'the highest rate of AdamW').argParser(decimal(0)).default(D.learningRate),
  new Option('--schedule <name>', 'course of the learning rate').choices(SCHEDULES).default(D.schedule),
  new Option('--warmup-steps <n>', 'steps in which the rate rises').argParser(whole(0)).default(D.warmupSteps),
  new Option('--final-rate <share>', 'share of the rate that the schedule ends at')
    .argParser(decimal(0, 1))
    .default(D.finalRate),
  new Option('--temperature <x>', 'of sampling').argParser(decimal(0)).default(D.temperature),
  new Option('--max-completion-length <n>', 'most tokens of a reply')
    .argParser(whole(1))
    .default(D.maxCompletionLength),
  new Option(
    '--credit <kind>',
    'who gets the credit: the whole episode; each turn against all turns with its prompt, in the batch or in its group; or each turn by what it led to, with the rest of the game averaged out',
  )
    .choices(CREDITS)
    .default(D.credit),
  new Option('--discount <x>', 'weight of a reward one turn later').argParser(decimal(0, 1)).default(D.discount),
  new Option('--scale-rewards <kind>', 'divide advantages by the deviation of')
    .choices(SCALE_REWARDS)
    .default(D.scaleRewards),
  new Option('--shared-dynamics', "members of a group also meet the same opponent's dice").default(D.sharedDynamics),
  new Option('--resample-rounds <n>', 'replace groups whose rewards are all equal up to n times')
    .argParser(whole(0))
    .default(D.resampleRounds),
  new Option('--mask-truncated-completions', 'do not learn from replies cut off at the token limit').default(
    D.maskTruncatedCompletions,
  ),
  new Option('--num-iterations <n>', 'passes over a batch').argParser(whole(1)).default(D.numIterations),
  new Option('--token-budget <n>', 'token slots of a micro-batch').argParser(whole(1)).default(D.tokenBudget),
  new Option(
    '--gradient-checkpointing',
    'compute each layer twice instead of keeping it: less memory, more time',
  ).default(D.gradientCheckpointing),
  new Option(
    '--precision <type>',
    'what matrix products are taken in, the head left out; weights, gradients, norms and softmax are float32 in any case, and on the CPU all is',
  )
    .choices(PRECISIONS)
    .default(D.precision),
  new Option('--final-exploration <share>', 'share of --beta and --entropy-coefficient that is left at the end')
    .argParser(decimal(0, 1))
    .default(D.finalExploration),
  new Option('--eval-every <n>', 'evaluate every so many steps; 0: only at the end')
    .argParser(whole(0))
    .default(D.evalEvery),
  new Option('--eval-episodes <n>', 'games of an evaluation').argParser(whole(1)).default(D.evalEpisodes),
  new Option('--eval-temperature <x>', 'of the evaluation').argParser(decimal(0)).default(D.evalTemperature),
  new Option('--save-every <n>', 'steps between checkpoints').argParser(whole(1)).default(D.saveEvery),
];

/** Settings of the loss and of AdamW, by the same rule. */
const LOSS_SETTINGS: readonly Option[] = [
  new Option('--loss-type <type>', 'how the loss is formed and averaged').choices(LOSS_TYPES).default(D.loss.lossType),
  new Option('--importance-sampling-level <level>', 'one ratio per')
    .choices(IMPORTANCE_SAMPLING_LEVELS)
    .default(D.loss.importanceSamplingLevel),
  new Option('--epsilon <x>', 'the ratio is clipped below 1 − epsilon')
    .argParser(decimal(0, 1))
    .default(D.loss.epsilon),
  new Option('--epsilon-high <x>', 'and above 1 + epsilon-high (cispo: above epsilon-high)')
    .argParser(decimal(0))
    .default(D.loss.epsilonHigh),
  new Option('--delta <x>', 'upper cap of the unclipped ratio').argParser(decimal(1)),
  new Option('--beta <x>', 'weight of the KL term against the first model').argParser(decimal(0)).default(D.loss.beta),
  new Option('--entropy-coefficient <x>', 'weight of the entropy bonus')
    .argParser(decimal(0))
    .default(D.loss.entropyCoefficient),
];
const ADAMW_SETTINGS: readonly Option[] = [
  new Option('--beta2 <x>', "AdamW's memory of squared gradients").argParser(decimal(0, 1)).default(D.adamw.beta2),
  new Option('--weight-decay <x>', 'of AdamW').argParser(decimal(0)).default(D.adamw.weightDecay),
  new Option('--max-grad-norm <x>', 'gradients are scaled down to this norm')
    .argParser(decimal(0))
    .default(D.adamw.maxGradNorm),
];

export function trainCommand(): Command {
  const command = new Command('train')
    .description('train a model in a game with GRPO')
    .requiredOption('--out <folder>', 'the run: settings, curve, checkpoints, final model')
    .option('--env <id>', 'the game (needed for a new run)')
    .addOption(envConfigOption())
    .addOption(modelOption(', to start from'))
    .option('--lora-rank <n>', 'train an adapter of this rank instead of the model', whole(1))
    .option('--lora-alpha <x>', 'strength of the adapter (default: twice its rank)', decimal(0))
    .option('--lora-targets <names>', 'layers to adapt, with commas between (default: every linear layer but the head)')
    .option(
      '--onnx [names]',
      'graphs that transformers.js loads, in every checkpoint and in final/: fp32, fp16, q4, with commas between (default: fp32)',
      exportDtypes,
    )
    .option('--resume', 'go on with the run that the folder holds; its own settings stay')
    .addOption(deviceOption())
    .option(
      '--threads <n>',
      'of one run of the network on the CPU, kept for --resume (default: one per core; with shards 1)',
      whole(1),
    )
    .option('--workers <n>', 'processes that share each update; the weights are those of one (default: 1)', whole(1))
    .option('--worker-timeout <s>', 'seconds after which a silent worker is started again', whole(1), WORKER_TIMEOUT)
    .option('--json', 'end with one JSON object');
  for (const option of [...trackingOptions(), ...SETTINGS, ...LOSS_SETTINGS, ...ADAMW_SETTINGS])
    command.addOption(option);
  return command.action(async (options: Control & Record<string, unknown>) => {
    const start: RunStart = options.resume
      ? await resumed(command, options)
      : { kind: 'new', model: options.model, settings: shardedSettings(command, options), ...onnxOf(options) };
    const { status } = await trainInFolder(start, options.out, {
      json: options.json ?? false,
      device: options.device,
      tracking: await trackingSettings(options, options.resume ? options.out : undefined),
      workerTimeout: options.workerTimeout,
      ...(options.threads !== undefined && { threads: options.threads }),
      ...(options.workers !== undefined && { workers: options.workers }),
    });
    if (status === 'interrupted') process.exitCode = 130;
  });
}

/** A resumed run keeps its settings: giving others is a mistake, not a wish to be ignored. */
async function resumed(command: Command, { out }: Control): Promise<RunStart> {
  const free = new Set(['out', 'resume', 'json', 'device', 'workers', 'workerTimeout', ...TRACKING_NAMES]);
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
    onnx: config.onnx?.join() ?? 'none',
    // A run that left them to the runtime may be given others.
    threads: config.threads ?? wanted.threads,
  };
  for (const option of given) {
    const name = option.attributeName();
    const text = (value: unknown) => (typeof value === 'string' ? value.replaceAll(/\s/g, '') : String(value));
    if (text(stored[name]) !== text(wanted[name])) {
      throw new UsageError(
        `${option.long} ${wanted[name]} differs from the run's own ${stored[name]}. Leave it out, or start a new run in another folder.`,
      );
    }
  }
  return { kind: 'resume' };
}

/** With workers and no word of shards, one shard for each. */
function shardedSettings(command: Command, options: Control & Record<string, unknown>): TrainSettings {
  const settings = settingsOf(options);
  if (options.workers === undefined || command.getOptionValueSource('shards') === 'cli') return settings;
  const groups = Math.floor(settings.batchSize / settings.groupSize);
  return { ...settings, shards: Math.max(1, Math.min(options.workers, groups)) };
}

function settingsOf(options: Control & Record<string, unknown>): TrainSettings {
  if (options.env === undefined) throw new UsageError('--env is needed for a new run.');
  const game = chooseGame(options.env, options.envConfig);
  const pick = (list: readonly Option[]) =>
    Object.fromEntries(
      list
        .map((option) => [option.attributeName(), options[option.attributeName()]])
        .filter(([, value]) => value !== undefined),
    );
  return {
    ...D,
    ...pick(SETTINGS),
    environment: game.definition.id,
    environmentConfig: game.raw,
    loss: { ...D.loss, ...pick(LOSS_SETTINGS) },
    adamw: { ...D.adamw, ...pick(ADAMW_SETTINGS) },
    ...loraOf(options),
  };
}

/** `--onnx` without names stands for fp32. */
const onnxOf = ({ onnx }: Pick<Control, 'onnx'>): { readonly onnx?: readonly ExportDtype[] } =>
  onnx ? { onnx: onnx === true ? exportDtypes('fp32') : onnx } : {};

function loraOf({ loraRank: rank, loraAlpha, loraTargets }: Control): Pick<TrainSettings, 'lora'> {
  if (rank === undefined) {
    if (loraAlpha !== undefined || loraTargets !== undefined)
      throw new UsageError('--lora-alpha and --lora-targets need --lora-rank.');
    return {};
  }
  const targets = loraTargets?.split(',').map((target) => target.trim()) ?? [];
  return { lora: { rank, alpha: loraAlpha ?? 2 * rank, targets, rankStabilized: false } };
}

export interface Machine {
  readonly json: boolean;
  readonly device?: DeviceChoice;
  readonly threads?: number;
  readonly workers?: number;
  /** Seconds. */
  readonly workerTimeout?: number;
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
  const { json, device = 'cpu', workers, workerTimeout = WORKER_TIMEOUT, tracking = {} } = machine;
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
        },
      }),
    }).catch(async (error: unknown) => {
      await tracker?.end('failed');
      throw error;
    });
    view.close();
    await tracker?.end(result.status);
    const say = (line: string) => (json ? process.stderr : process.stdout).write(`${line}\n`);
    if (result.status === 'interrupted')
      say(`Stopped after step ${result.step}. Go on with: npm run ludic -- train --out ${out} --resume`);
    else if (result.best)
      say(`Done: ${out}/final holds the model of step ${result.best.step}, the best in evaluation.`);
    const peak = result.peakMemory ?? peakMemory();
    say(`Peak memory ${gigabytes(peak)}.`);
    if (json) {
      const { evaluation } = result;
      const results = evaluation && {
        success_rate: evaluation.success.rate,
        mean_reward: evaluation.meanReward,
        mean_steps: evaluation.meanSteps,
        ...(evaluation.outcomes && { win_rate: evaluation.outcomes.win.rate }),
      };
      console.log(
        JSON.stringify({
          status: result.status,
          out,
          steps: result.step,
          best_step: result.best?.step ?? null,
          results: results ?? null,
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
