// One training step (forward, loss, gradients, AdamW) of a decoder with d = 256, 6 layers, 8 heads, vocabulary 512, on
// 8 × 128 tokens, beside what ONNX Runtime's own matrix product reaches and beside the same step in PyTorch.

import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Graph, gemm, serialize } from '../packages/graph/src/index.ts';
import { DEFAULT_ADAMW, Learner, type Sample } from '../packages/grpo/src/index.ts';
import { initialParameters, type ModelConfig } from '../packages/models/src/index.ts';
import { stream } from '../packages/random/src/index.ts';
import { type Runtime, zeros } from '../packages/runtime/src/index.ts';
import { createRuntime } from '../packages/runtime/src/node.ts';
import { median, timed } from './timing.ts';

const THREADS = 2;

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
    ropeTheta: 10_000,
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
    parameters,
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

/** Seconds of the same step in PyTorch, or why there is none. */
function pytorchStep({ width, layers, rows, length }: Shape): { seconds?: number; version?: string; skipped?: string } {
  const script = fileURLToPath(new URL('./pytorch_step.py', import.meta.url));
  const python = process.env.LUDIC_PYTHON ?? 'python3';
  const { status, stdout } = spawnSync(python, [script, ...[width, layers, rows, length, THREADS].map(String)], {
    encoding: 'utf8',
  });
  if (status !== 0) return { skipped: `${python} has no torch; set LUDIC_PYTHON to one that has` };
  return JSON.parse(stdout.trim().split('\n').at(-1)!);
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
  const gemm = median(rounds.map((round) => round.gemm));
  const rate = (6 * parameters * shape.rows * shape.length) / seconds / 1e9;
  const torch = pytorchStep(shape);
  const scaling = [];
  for (const [width, rows, length] of [
    [128, 8, 128],
    [256, 8, 128],
    [512, 8, 128],
    [256, 2, 128],
    [256, 32, 128],
    [256, 8, 32],
    [256, 8, 512],
  ] as const) {
    const { seconds: time } = await trainingStep(runtime, { width, layers: 6, rows, length }, 3);
    scaling.push({
      width,
      rows,
      length,
      microsecondsPerToken: (time / (rows * length)) * 1e6,
      peakMemoryMiB: Math.round(process.resourceUsage().maxRSS / 1024),
    });
  }
  return {
    milliseconds: seconds * 1000,
    parameters,
    gflops: rate,
    gemmGflops: gemm,
    shareOfGemm: rate / gemm,
    ...(torch.seconds !== undefined
      ? { pytorch: { version: torch.version, milliseconds: torch.seconds * 1000, ratio: torch.seconds / seconds } }
      : { pytorch: torch.skipped }),
    peakMemoryMiB: Math.round(process.resourceUsage().maxRSS / 1024),
    scaling,
  };
}

if (import.meta.main) console.log(JSON.stringify(await benchTrainingStep(), null, 1));
