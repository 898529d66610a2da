// One training step (forward, loss, gradients, AdamW) of a decoder with d = 256, 6 layers, 8 heads, vocabulary 512, on
// 8 × 128 tokens, beside what ONNX Runtime's own matrix product reaches and beside the same step in PyTorch.

import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Graph, gemm, serialize } from '../packages/graph/src/index.ts';
import { DEFAULT_ADAMW, Learner, type Sample } from '../packages/grpo/src/index.ts';
import { initialParameters, type ModelConfig } from '../packages/models/src/index.ts';
import { stream } from '../packages/random/src/index.ts';
import { ResidentTensors, type Runtime, zeros } from '../packages/runtime/src/index.ts';
import { createRuntime } from '../packages/runtime/src/node.ts';
import { runPython } from './python.ts';
import { median, timed } from './timing.ts';

const THREADS = 2;

/** Width, rows, length: one of them changes at a time. */
const SCALING = [
  [128, 8, 128],
  [256, 8, 128],
  [512, 8, 128],
  [256, 2, 128],
  [256, 32, 128],
  [256, 8, 32],
  [256, 8, 512],
] as const;

interface Shape {
  readonly width: number;
  readonly layers: number;
  readonly rows: number;
  readonly length: number;
}

function configOf({ width, layers }: Shape): ModelConfig {
  return {
    family: 'llama',
    vocabSize: 512,
    hiddenSize: width,
    intermediateSize: Math.round((width * 8) / 3 / 8) * 8,
    layers,
    heads: 8,
    kvHeads: 8,
    headDim: width / 8,
    normEpsilon: 1e-5,
    rotary: { theta: 10_000 },
    tieWordEmbeddings: true,
    maxPositions: 4096,
    eosTokenIds: [],
  };
}

/** Median seconds of a step, and the parameters of the model. */
async function trainingStep(
  runtime: Runtime,
  shape: Shape,
  runs: number,
): Promise<{ seconds: number; parameters: number }> {
  const config = configOf(shape);
  const parameters = initialParameters(config, 0);
  const random = stream('bench');
  const ids = () => Int32Array.from({ length: shape.length }, () => random.nextInt(config.vocabSize));
  const samples = Array.from(
    { length: shape.rows },
    (): Sample => ({
      prompt: ids().slice(0, 1),
      completion: ids(),
      oldLogprobs: new Float32Array(shape.length),
      advantage: 1,
      weight: 1 / (shape.rows * shape.length),
    }),
  );
  const learner = new Learner({
    runtime,
    config,
    parameters: await ResidentTensors.of(runtime, parameters),
    objective: 'supervised',
    adamw: DEFAULT_ADAMW,
    temperature: 1,
    tokenBudget: 1_000_000,
  });
  const seconds = await timed(runs, async () => {
    await learner.accumulate(samples);
    await learner.step(1e-4);
  });
  await learner.dispose();
  return {
    seconds: median(seconds),
    parameters: Object.values(parameters).reduce((sum, { data }) => sum + data.length, 0),
  };
}

/** GFLOP/s of ONNX Runtime's matrix product of two n × n matrices. */
async function gemmRate(runtime: Runtime, n: number): Promise<number> {
  const graph = new Graph('gemm');
  graph.output('c', gemm(graph.input('a', 'float32', [n, n]), graph.input('b', 'float32', [n, n])));
  const program = await runtime.load(serialize(graph));
  const inputs = { a: zeros([n, n]), b: zeros([n, n]) };
  const seconds = median(await timed(30, () => program.run(inputs, { c: zeros([n, n]) })));
  await program.dispose();
  return (2 * n ** 3) / seconds / 1e9;
}

/** A step of one shape in a process of its own, so that its peak memory is its own. */
function scalingOf(shape: Shape): { microsecondsPerToken: number; peakMemoryMiB: number } {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [fileURLToPath(import.meta.url), ...[shape.width, shape.layers, shape.rows, shape.length].map(String)],
    { encoding: 'utf8' },
  );
  if (status !== 0) throw new Error(`the training step of ${JSON.stringify(shape)} failed:\n${stderr}`);
  return JSON.parse(stdout);
}

export async function benchTrainingStep() {
  const runtime = await createRuntime({ device: 'cpu', threads: THREADS });
  const shape: Shape = { width: 256, layers: 6, rows: 8, length: 128 };
  // Turn and turn about, so that a busy machine slows both alike.
  const rounds: { gemm: number; step: number }[] = [];
  let parameters = 0;
  for (let round = 0; round < 3; round++) {
    const gemm = Math.max(await gemmRate(runtime, 512), await gemmRate(runtime, 1024));
    const step = await trainingStep(runtime, shape, 7);
    parameters = step.parameters;
    rounds.push({ gemm, step: step.seconds });
  }
  const seconds = median(rounds.map(({ step }) => step));
  const flops = 6 * parameters * shape.rows * shape.length;
  const torchArguments = [shape.width, shape.layers, shape.rows, shape.length, THREADS].map(String);
  const torch = runPython('./pytorch_step.py', torchArguments, 'torch');
  return {
    milliseconds: seconds * 1000,
    parameters,
    gflops: flops / seconds / 1e9,
    gemmGflops: median(rounds.map(({ gemm }) => gemm)),
    shareOfGemm: median(rounds.map(({ gemm, step }) => flops / step / 1e9 / gemm)),
    pytorch:
      'skipped' in torch
        ? torch
        : { version: torch.version, milliseconds: torch.seconds * 1000, ratio: torch.seconds / seconds },
    peakMemoryMiB: scalingOf(shape).peakMemoryMiB,
    scaling: SCALING.map(([width, rows, length]) => ({
      width,
      rows,
      length,
      ...scalingOf({ width, layers: shape.layers, rows, length }),
    })),
  };
}

if (import.meta.main) {
  const numbers = process.argv.slice(2).map(Number);
  if (numbers.length === 0) console.log(JSON.stringify(await benchTrainingStep(), null, 1));
  else {
    const [width, layers, rows, length] = numbers as [number, number, number, number];
    const runtime = await createRuntime({ device: 'cpu', threads: THREADS });
    const { seconds } = await trainingStep(runtime, { width, layers, rows, length }, 3);
    const microsecondsPerToken = (seconds / (rows * length)) * 1e6;
    const peakMemoryMiB = Math.round(process.resourceUsage().maxRSS / 1024);
    console.log(JSON.stringify({ microsecondsPerToken, peakMemoryMiB }));
  }
}
