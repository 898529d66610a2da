// npm run bench: every bench in one run, printed as a table and kept in bench/results/latest.json.

import { mkdir, writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { benchGames } from './games.ts';
import { benchGrpoUpdate } from './grpo-update.ts';
import { benchRollouts } from './rollouts.ts';
import { benchTrainingStep } from './training-step.ts';

const games = await benchGames();
const trainingStep = await benchTrainingStep();
const grpoUpdate = await benchGrpoUpdate();
const rollouts = await benchRollouts();
const machine = `${cpus().length} × ${cpus()[0]!.model}`;
const results = { machine, node: process.version, games, trainingStep, grpoUpdate, rollouts };

const line = (name: string, value: string, note = '') =>
  console.log(`${name.padEnd(62)}${value.padStart(14)}   ${note}`);
const times = (ratio: number) => `${ratio.toFixed(2)} ×`;

for (const { game, stepsPerSecond } of games) {
  line(`${game}: steps a second, text and parsing included`, `${(stepsPerSecond / 1e6).toFixed(2)} M`, 'wanted: 1 M');
}
console.log();
const { pytorch } = trainingStep;
line('training step, 4.8 M parameters, 8 × 128 tokens', `${trainingStep.milliseconds.toFixed(0)} ms`);
line(
  "  share of the rate of ONNX Runtime's own GEMM",
  `${(100 * trainingStep.shareOfGemm).toFixed(0)} %`,
  'wanted: 65 %',
);
if ('skipped' in pytorch) line('  as fast as PyTorch', 'skipped', pytorch.skipped);
else line('  as fast as PyTorch', times(pytorch.ratio), `wanted: 1.5; PyTorch ${pytorch.version}`);
line('  peak memory of the process', `${trainingStep.peakMemoryMiB} MiB`);
console.log('\n  width  rows  length   µs a token   peak memory');
for (const { width, rows, length, microsecondsPerToken, peakMemoryMiB } of trainingStep.scaling) {
  console.log(
    `${String(width).padStart(7)}${String(rows).padStart(6)}${String(length).padStart(8)}` +
      `${microsecondsPerToken.toFixed(1).padStart(13)}${String(peakMemoryMiB).padStart(10)} MiB`,
  );
}
console.log();
const { trl } = grpoUpdate;
line('GRPO update, 32 prompts of 32 tokens × 8 replies of 8', `${grpoUpdate.milliseconds.toFixed(0)} ms`);
if ('skipped' in trl) line("  as fast as TRL's GRPOTrainer", 'skipped', trl.skipped);
else line("  as fast as TRL's GRPOTrainer", times(trl.ratio), `wanted: 3; TRL ${trl.version}`);
console.log();
for (const { environment, history, tokensPerSecond, ratio } of rollouts) {
  line(
    `rollouts of 64 games: ${environment}, ${history}`,
    `${Math.round(tokensPerSecond).toLocaleString('en')} tok/s`,
    `${times(ratio)} as fast as transformers.js generate; wanted: 5`,
  );
}
await mkdir(new URL('./results/', import.meta.url), { recursive: true });
await writeFile(new URL('./results/latest.json', import.meta.url), `${JSON.stringify(results, null, 1)}\n`);
