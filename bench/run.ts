// npm run bench: every bench in one run, printed and kept in bench/results/latest.json.

import { mkdir, writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { benchGames } from './games.ts';
import { benchTrainingStep } from './training-step.ts';

const games = await benchGames();
const trainingStep = await benchTrainingStep();
const results = { machine: `${cpus().length} × ${cpus()[0]!.model}`, node: process.version, games, trainingStep };

const line = (name: string, value: string, wanted = '') =>
  console.log(`${name.padEnd(52)}${value.padStart(16)}   ${wanted}`);
const { pytorch } = trainingStep;
line('training step, 4.9 M parameters, 8 × 128 tokens', `${trainingStep.milliseconds.toFixed(0)} ms`);
line(
  '  share of the rate of ONNX Runtime’s own GEMM',
  `${(100 * trainingStep.shareOfGemm).toFixed(0)} %`,
  'wanted: 65 %',
);
line(
  '  times as fast as PyTorch',
  typeof pytorch === 'object' ? `${pytorch.ratio.toFixed(2)}` : 'skipped',
  typeof pytorch === 'object' ? `wanted: 1.5; PyTorch ${pytorch.version}` : pytorch,
);
line('  peak memory', `${trainingStep.peakMemoryMiB} MiB`);
console.log('\nwidth  rows  length   µs per token');
for (const { width, rows, length, microsecondsPerToken } of trainingStep.scaling) {
  console.log(
    `${String(width).padStart(5)}${String(rows).padStart(6)}${String(length).padStart(8)}${microsecondsPerToken.toFixed(1).padStart(15)}`,
  );
}
await mkdir(new URL('./results/', import.meta.url), { recursive: true });
await writeFile(new URL('./results/latest.json', import.meta.url), `${JSON.stringify(results, null, 1)}\n`);
