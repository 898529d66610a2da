// Whether a model of a real size trains on a small machine: a Llama of 135 million random weights, in the shape of
// SmolLM2-135M, stored as bf16; three GRPO steps with a LoRA adapter on the CPU. Each measurement runs in a process of its
// own, so that its peak memory is its own. Run: `npm run bench:large`.

import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DEFAULT_TRAINING, estimateMemory, Trainer, type TrainSettings } from '../packages/grpo/src/index.ts';
import { probePrompts } from '../packages/grpo/src/internal.ts';
import { openLanguageModel } from '../packages/inference/src/index.ts';
import { PromptEncoder } from '../packages/inference/src/internal.ts';
import { everyLinearLayer, newAdapter, readCheckpoint } from '../packages/models/src/index.ts';
import { openModelFolder } from '../packages/models/src/node.ts';
import { SMOLLM2_135M } from '../packages/models/testing/sizes.ts';
import { ResidentTensors, type Runtime } from '../packages/runtime/src/index.ts';
import { createRuntime } from '../packages/runtime/src/node.ts';
import { writeRandomModel } from './random-model.ts';

const THREADS = 2;
const STEPS = 3;
const CONFIG = SMOLLM2_135M;

/** Random weights never end a reply: replies and the batch are kept short. */
const settingsOf = (gradientCheckpointing: boolean): TrainSettings => ({
  ...DEFAULT_TRAINING,
  environment: 'tic_tac_toe',
  steps: STEPS,
  groupSize: 8,
  batchSize: 16,
  maxCompletionLength: 16,
  tokenBudget: 2048,
  gradientCheckpointing,
  lora: { rank: 16, alpha: 32, targets: everyLinearLayer(CONFIG), rankStabilized: false },
});

const MIB = 2 ** 20;
/** Peak resident memory of this process in MiB. */
const peakMiB = () => process.resourceUsage().maxRSS / 1024;

/** Reads the checkpoint tensor by tensor, or from whole files as a browser would. */
async function measureLoading(folder: string, whole: boolean) {
  const files = await openModelFolder(folder);
  const before = performance.now();
  const { parameters } = await readCheckpoint(whole ? { name: files.name, read: files.read } : files);
  const seconds = (performance.now() - before) / 1000;
  const bytes = Object.values(parameters).reduce((sum, { data }) => sum + data.byteLength, 0);
  return { seconds, parametersMiB: bytes / MIB, peakMiB: peakMiB() };
}

/** A runtime that notes the seconds spent in gradients and updates. */
function timed(runtime: Runtime): Runtime & { readonly training: { seconds: number } } {
  const training = { seconds: 0 };
  return {
    ...runtime,
    training,
    async load(model, options) {
      const program = await runtime.load(model, options);
      const isTraining = !program.outputs.includes('logits');
      return {
        ...program,
        async run(inputs, into) {
          const before = performance.now();
          try {
            return await program.run(inputs, into);
          } finally {
            if (isTraining) training.seconds += (performance.now() - before) / 1000;
          }
        },
      };
    },
  };
}

interface StepFigures {
  readonly seconds: number;
  readonly training: number;
  readonly sampling: number;
  readonly completionTokens: number;
  readonly promptTokens: number;
  readonly maxLogRatio: number;
  readonly peakMiB: number;
}

async function measureTraining(folder: string, gradientCheckpointing: boolean) {
  const runtime = timed(await createRuntime({ device: 'cpu', threads: THREADS }));
  const settings = settingsOf(gradientCheckpointing);
  const base = await openLanguageModel(await openModelFolder(folder), runtime);
  const { config, parameters } = newAdapter(base.config, settings.lora!, settings.seed);
  const model = { ...base, adapter: { config, parameters: await ResidentTensors.of(runtime, parameters) } };
  const loadedMiB = peakMiB();
  const prompts = await probePrompts(settings, new PromptEncoder(base.tokenizer, base.template));
  const estimatedMiB = estimateMemory(base.config, settings, prompts).total / MIB;
  const trainer = await Trainer.create(model, settings);
  const steps: StepFigures[] = [];
  for (let step = 0; step < STEPS; step++) {
    runtime.training.seconds = 0;
    const before = performance.now();
    const { metrics } = await trainer.runStep();
    const seconds = (performance.now() - before) / 1000;
    const training = runtime.training.seconds;
    const { completion_tokens: completionTokens, prompt_tokens: promptTokens, max_log_ratio: maxLogRatio } = metrics;
    steps.push({
      seconds,
      training,
      sampling: seconds - training,
      completionTokens,
      promptTokens,
      maxLogRatio,
      peakMiB: peakMiB(),
    });
    console.error(JSON.stringify(steps.at(-1)));
  }
  await trainer.dispose();
  // The first step also builds the graphs.
  const later = steps.slice(1);
  const total = (of: (step: (typeof steps)[number]) => number) => later.reduce((sum, step) => sum + of(step), 0);
  return {
    loadedMiB,
    estimatedMiB,
    peakMiB: peakMiB(),
    firstStepSeconds: steps[0]!.seconds,
    stepSeconds: total(({ seconds }) => seconds) / later.length,
    sampledTokensPerSecond: total(({ completionTokens }) => completionTokens) / total(({ sampling }) => sampling),
    trainedTokensPerSecond:
      total(({ completionTokens, promptTokens }) => completionTokens + promptTokens) /
      total(({ training }) => training),
    maxLogRatio: Math.max(...steps.map(({ maxLogRatio }) => maxLogRatio)),
  };
}

/** A measurement in a process of its own. */
function apart<T>(...words: string[]): T {
  const { status, stdout } = spawnSync(process.execPath, [fileURLToPath(import.meta.url), ...words], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (status !== 0) throw new Error(`the measurement ${words.join(' ')} failed`);
  return JSON.parse(stdout);
}

async function main(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'ludic-large-'));
  try {
    await writeRandomModel(CONFIG, folder);
    const loading = apart<Awaited<ReturnType<typeof measureLoading>>>('load', folder);
    const loadingWhole = apart<Awaited<ReturnType<typeof measureLoading>>>('load', folder, 'whole');
    const kept = apart<Awaited<ReturnType<typeof measureTraining>>>('train', folder, 'keep');
    const recomputed = apart<Awaited<ReturnType<typeof measureTraining>>>('train', folder, 'recompute');
    const { size } = await open(join(folder, 'model.safetensors')).then(async (file) => {
      const stat = await file.stat();
      await file.close();
      return stat;
    });
    const machine = `${cpus().length} cores, no GPU`;
    const results = { machine, node: process.version, fileMiB: size / MIB, loading, loadingWhole, kept, recomputed };
    await mkdir(new URL('./results/', import.meta.url), { recursive: true });
    await writeFile(new URL('./results/large-model.json', import.meta.url), `${JSON.stringify(results, null, 1)}\n`);
    console.log(JSON.stringify(results, null, 1));
  } finally {
    await rm(folder, { recursive: true });
  }
}

const [what, folder, how] = process.argv.slice(2);
if (what === 'load') console.log(JSON.stringify(await measureLoading(folder!, how === 'whole')));
else if (what === 'train') console.log(JSON.stringify(await measureTraining(folder!, how === 'recompute')));
else if (what === 'write') await writeRandomModel(CONFIG, folder!);
else await main();
