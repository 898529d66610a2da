// GRPO on a GPU: sampling and training on WebGPU, beside PyTorch on the same GPU, in one run. Each measurement is a
// process of its own. Run: `npm run bench:gpu`; kept in bench/results/gpu.json, or gpu-float16.json with `--float16`. What is
// needed is in bench/README.md.

import { execFileSync, spawn } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { mostLogitPositions } from '../packages/grpo/src/batching/samples.ts';
import type { Message } from '../packages/history/src/index.ts';
import { openLanguageModel } from '../packages/inference/src/index.ts';
import { PromptEncoder } from '../packages/inference/src/internal.ts';
import { type Precision, readChatTemplate, readModelConfig, readTokenizer } from '../packages/models/src/index.ts';
import { openModelFolder } from '../packages/models/src/node.ts';
import { SMOLLM2_135M } from '../packages/models/testing/sizes.ts';
import { NANO_FOLDER } from '../packages/nano/src/index.ts';
import { createRuntime, reportDevices } from '../packages/runtime/src/node.ts';
import { differentPrompts } from './prompts.ts';
import { findPython, PYTHON_ENVIRONMENT, pythonScript } from './python.ts';
import { writeRandomModel } from './random-model.ts';
import { median } from './timing.ts';
import { grpoUpdate, type UpdateSizes } from './update.ts';

interface Sizes extends UpdateSizes {
  readonly prompts: number;
  readonly warmup: number;
  readonly updates: number;
}

const USUAL = { groupSize: 8, completionLength: 16, tokenBudget: 16_384, warmup: 2, updates: 9 };
const SIZES: Readonly<Record<'nano' | 'llama-135M', Sizes>> = {
  nano: { ...USUAL, prompts: 32 },
  'llama-135M': { ...USUAL, prompts: 16 },
};
/** Shows that everything works, and nothing about speed. */
const SMALLEST: Sizes = { prompts: 2, groupSize: 2, completionLength: 4, tokenBudget: 1024, warmup: 1, updates: 1 };

interface Task extends Sizes {
  readonly model: string;
  readonly messages: readonly (readonly Message[])[];
  readonly precision: Precision;
}

/** Of one update, the median of several. */
interface Measured {
  readonly samplingSeconds: number;
  readonly trainingSeconds: number;
  readonly sampledTokens: number;
  /** Prompts and replies; a prompt counts with each of its replies, computed once or not. */
  readonly trainedTokens: number;
  /** Most that PyTorch's own tensors took. */
  readonly allocatedMiB?: number | null;
}

interface Speed {
  readonly sampledTokensPerSecond: number;
  readonly trainedTokensPerSecond: number;
  /** Most that the GPU held above what it held before; null where nvidia-smi does not tell. */
  readonly peakGpuMiB: number | null;
  readonly allocatedMiB?: number | null;
}

interface Peer {
  readonly torch: string;
  readonly transformers: string;
  readonly cuda: string | null;
  readonly gpu: string | null;
}

/** Runs in a process of its own. */
async function measure({ model: folder, messages, precision, warmup, updates, ...sizes }: Task): Promise<Measured> {
  const runtime = await createRuntime({ device: 'webgpu', float16: precision === 'float16' });
  const opened = await openLanguageModel(await openModelFolder(folder), runtime);
  // Replies go on to their full length.
  const model = { ...opened, precision, config: { ...opened.config, eosTokenIds: [] } };
  const update = grpoUpdate(model, messages, sizes);
  const sampling: number[] = [];
  const training: number[] = [];
  let sampledTokens = 0;
  let promptTokens = 0;
  for (let i = 0; i < warmup + updates; i++) {
    const begin = performance.now();
    const replies = await update.sample();
    const between = performance.now();
    await update.learn(replies);
    const end = performance.now();
    sampledTokens = replies.reduce((sum, { tokens }) => sum + tokens!.completion.length, 0);
    promptTokens = replies.reduce((sum, { tokens }) => sum + tokens!.prompt.length, 0);
    if (i < warmup) continue;
    sampling.push((between - begin) / 1000);
    training.push((end - between) / 1000);
  }
  await update.dispose();
  return {
    samplingSeconds: median(sampling),
    trainingSeconds: median(training),
    sampledTokens,
    trainedTokens: promptTokens + sampledTokens,
  };
}

/** Runs a command that ends with one line of JSON, and watches the memory of all GPUs together meanwhile. */
async function watched(command: string, args: readonly string[]): Promise<Speed> {
  const before = gpuMemory();
  let peak = before ?? 0;
  const watch = before === undefined ? undefined : setInterval(() => (peak = Math.max(peak, gpuMemory() ?? 0)), 200);
  try {
    const { samplingSeconds, trainingSeconds, sampledTokens, trainedTokens, allocatedMiB } = JSON.parse(
      await lastLine(command, args),
    ) as Measured;
    return {
      sampledTokensPerSecond: sampledTokens / samplingSeconds,
      trainedTokensPerSecond: trainedTokens / trainingSeconds,
      peakGpuMiB: before === undefined ? null : peak - before,
      ...(allocatedMiB !== undefined && { allocatedMiB }),
    };
  } finally {
    clearInterval(watch);
  }
}

function lastLine(command: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], env: PYTHON_ENVIRONMENT });
    let output = '';
    let complaints = '';
    child.stdout.on('data', (data) => (output += data));
    child.stderr.on('data', (data) => (complaints += data));
    child.on('error', reject);
    child.on('close', (code, signal) => {
      if (code === 0) resolve(output.trim().split('\n').at(-1)!);
      else reject(new Error(`${command} ${args.join(' ')} ended with ${signal ?? code}:\n${complaints}`));
    });
  });
}

/** What nvidia-smi says of each GPU, without units. */
function nvidiaSmi(fields: string): readonly (readonly string[])[] | undefined {
  try {
    const query = [`--query-gpu=${fields}`, '--format=csv,noheader,nounits'];
    const text = execFileSync('nvidia-smi', query, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    return text
      .trim()
      .split('\n')
      .map((line) => line.split(', '));
  } catch {
    return undefined;
  }
}

/** MiB in use. */
function gpuMemory(): number | undefined {
  const total = nvidiaSmi('memory.used')?.reduce((sum, [used]) => sum + Number(used), 0);
  return Number.isFinite(total) ? total : undefined;
}

/** What this machine has, and what it lacks for the comparison. */
async function look() {
  const missing: string[] = [];
  const adapter = (await reportDevices()).find(({ device }) => device === 'webgpu')!;
  if (!adapter.present) missing.push(`WebGPU is not here: ${adapter.reason}`);
  else if (adapter.software) {
    missing.push(`WebGPU has a software adapter alone (${adapter.description}): install the Vulkan driver of a GPU`);
  }
  const python = findPython('torch, transformers');
  let peer: (Peer & { readonly python: string }) | undefined;
  if ('skipped' in python) missing.push(`PyTorch is not here: ${python.skipped}`);
  else {
    const which = JSON.parse(await lastLine(python.python, [pythonScript('./pytorch_gpu.py'), 'which'])) as Peer;
    peer = { ...which, ...python };
    if (!which.gpu) missing.push(`PyTorch ${which.torch} of ${python.python} finds no GPU: install its CUDA build`);
  }
  return { adapter, peer, missing };
}

async function taskOf(
  model: string,
  sizes: Sizes,
  precision: Precision,
): Promise<{ readonly task: Task; readonly python: object }> {
  const files = await openModelFolder(model);
  const reader = { tokenizer: await readTokenizer(files), template: await readChatTemplate(files) };
  const messages = await differentPrompts(reader, sizes.prompts);
  const encoder = new PromptEncoder(reader.tokenizer, reader.template);
  const { vocabSize } = await readModelConfig(files);
  return {
    task: { ...sizes, model, messages, precision },
    python: {
      model,
      precision,
      prompts: messages.map((conversation) => [...encoder.encode(conversation)]),
      group_size: sizes.groupSize,
      completion_length: sizes.completionLength,
      // Both cut their batches alike.
      token_budget: sizes.tokenBudget,
      most_points: mostLogitPositions(vocabSize),
      warmup: sizes.warmup,
      updates: sizes.updates,
    },
  };
}

function print(name: string, ludic: Speed, pytorch: Speed | undefined): void {
  const line = (what: string, ours: number | null, theirs: number | null | undefined, better: 'more' | 'less') => {
    const cell = (value: number | null | undefined) =>
      (value == null ? 'unknown' : Math.round(value).toLocaleString('en')).padStart(12);
    const ratio = ours == null || theirs == null ? '' : (better === 'more' ? ours / theirs : theirs / ours).toFixed(2);
    console.log(`${`${name}: ${what}`.padEnd(36)}${cell(ours)}${cell(theirs)}${ratio.padStart(8)}`);
  };
  line('sampled tokens/s', ludic.sampledTokensPerSecond, pytorch?.sampledTokensPerSecond, 'more');
  line('trained tokens/s', ludic.trainedTokensPerSecond, pytorch?.trainedTokensPerSecond, 'more');
  line('peak GPU memory, MiB', ludic.peakGpuMiB, pytorch?.peakGpuMiB, 'less');
}

async function main(software: boolean, precision: Precision): Promise<void> {
  const { adapter, peer, missing } = await look();
  const multiplies = adapter.present && (precision === 'float32' || adapter.float16 === true);
  if (adapter.present && !multiplies) {
    missing.push('WebGPU does not compute in float16 on this adapter: leave out --float16');
  }
  for (const what of missing) console.error(`${what}.`);
  if (!multiplies || (missing.length > 0 && !software)) {
    if (!software) console.error('Nothing was measured. `--software` shows that the bench works, and no speed.');
    process.exitCode = 1;
    return;
  }
  const [smi] = nvidiaSmi('name,driver_version,memory.total') ?? [];
  const gpu = smi
    ? { name: smi[0]!, driver: smi[1]!, memoryMiB: Number(smi[2]) }
    : { name: peer?.gpu ?? adapter.description, driver: adapter.description };
  const ort = createRequire(new URL('../packages/runtime/package.json', import.meta.url)).resolve(
    'onnxruntime-node/package.json',
  );
  const versions = {
    node: process.version,
    onnxruntime: (JSON.parse(await readFile(ort, 'utf8')) as { readonly version: string }).version,
    torch: peer?.torch ?? null,
    transformers: peer?.transformers ?? null,
    cuda: peer?.cuda ?? null,
  };
  console.log(`${gpu.name}, driver ${gpu.driver}; ${JSON.stringify(versions)}`);
  console.log(`${''.padEnd(36)}${'Ludic'.padStart(12)}${'PyTorch'.padStart(12)}${'ratio'.padStart(8)}`);
  const scratch = await mkdtemp(join(tmpdir(), 'ludic-gpu-'));
  const results = [];
  try {
    for (const [name, usual] of Object.entries(SIZES)) {
      if (software && name !== 'nano') continue;
      const sizes = software ? SMALLEST : usual;
      const folder = name === 'nano' ? fileURLToPath(NANO_FOLDER) : join(scratch, name);
      if (name !== 'nano') await writeRandomModel(SMOLLM2_135M, folder);
      const { task, python } = await taskOf(folder, sizes, precision);
      const [ours, theirs] = [join(scratch, 'task.json'), join(scratch, 'python.json')];
      await writeFile(ours, JSON.stringify(task));
      await writeFile(theirs, JSON.stringify(python));
      const ludic = await watched(process.execPath, [fileURLToPath(import.meta.url), 'measure', ours]);
      const pytorch =
        peer &&
        (await watched(peer.python, [
          pythonScript('./pytorch_gpu.py'),
          theirs,
          peer.gpu && !software ? 'cuda' : 'cpu',
        ]));
      print(name, ludic, pytorch);
      results.push({ model: name, ...sizes, ludic, pytorch });
    }
  } finally {
    await rm(scratch, { recursive: true });
  }
  if (software) return;
  const drivers = adapter.description;
  await mkdir(new URL('./results/', import.meta.url), { recursive: true });
  const text = JSON.stringify({ gpu: { ...gpu, webgpu: drivers }, versions, precision, results }, null, 1);
  const name = precision === 'float16' ? 'gpu-float16.json' : 'gpu.json';
  await writeFile(new URL(`./results/${name}`, import.meta.url), `${text}\n`);
}

const words = process.argv.slice(2);
if (words[0] === 'measure') console.log(JSON.stringify(await measure(JSON.parse(await readFile(words[1]!, 'utf8')))));
else await main(words.includes('--software'), words.includes('--float16') ? 'float16' : 'float32');
