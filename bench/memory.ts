// Peak memory and time of one training micro-batch and its update, layers kept or recomputed, the whole model or an adapter, beside
// the estimate. Each in a process of its own. Run: `npx node bench/memory.ts`; kept in bench/results/memory.json.

import { spawnSync } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import {
  DEFAULT_ADAMW,
  DEFAULT_LOSS,
  DEFAULT_TRAINING,
  estimateMemory,
  Learner,
  type Sample,
} from '../packages/grpo/src/index.ts';
import { everyLinearLayer, initialParameters, type ModelConfig, newAdapter } from '../packages/models/src/index.ts';
import { SMOLLM2_135M } from '../packages/models/testing/sizes.ts';
import { stream } from '../packages/random/src/index.ts';
import { ResidentTensors } from '../packages/runtime/src/index.ts';
import { createRuntime } from '../packages/runtime/src/node.ts';
import { median } from './timing.ts';

const THREADS = 2;
const MIB = 2 ** 20;
/** Tokens of a row and of the reply in it. */
const LENGTH = 64;
const REPLY = 16;

const BASE = {
  family: 'llama',
  normEpsilon: 1e-5,
  rotary: { theta: 10_000 },
  tieWordEmbeddings: true,
  maxPositions: 4096,
  eosTokenIds: [],
} as const;

/** Sizes with the rows of their micro-batch. */
const SIZES: Readonly<Record<string, { readonly config: ModelConfig; readonly rows: number }>> = {
  '0.9M': {
    config: {
      ...BASE,
      vocabSize: 512,
      hiddenSize: 128,
      intermediateSize: 344,
      layers: 4,
      heads: 4,
      kvHeads: 4,
      headDim: 32,
    },
    rows: 128,
  },
  '28M': {
    config: {
      ...BASE,
      vocabSize: 16_384,
      hiddenSize: 384,
      intermediateSize: 1024,
      layers: 14,
      heads: 6,
      kvHeads: 2,
      headDim: 64,
    },
    rows: 32,
  },
  '135M': {
    config: SMOLLM2_135M,
    rows: 16,
  },
};

interface Measured {
  /** After one micro-batch and one update. */
  readonly peakMiB: number;
  readonly estimatedMiB: number;
  /** Of a micro-batch, the update left out. */
  readonly seconds: number;
}

async function measure(size: string, trained: string, how: string): Promise<Measured> {
  const { config, rows } = SIZES[size]!;
  const lora = { rank: 16, alpha: 32, targets: everyLinearLayer(config), rankStabilized: false };
  const adapter = trained === 'adapter' ? newAdapter(config, lora, 0) : undefined;
  const gradientCheckpointing = how === 'recomputed';
  const tokenBudget = rows * LENGTH;
  const random = stream('bench');
  const ids = (length: number) => Int32Array.from({ length }, () => random.nextInt(config.vocabSize));
  const samples = Array.from(
    { length: rows },
    (): Sample => ({
      prompt: ids(LENGTH - REPLY + 1),
      completion: ids(REPLY),
      oldLogprobs: new Float32Array(REPLY).fill(-10),
      advantage: 1,
      weight: 1 / (rows * REPLY),
    }),
  );
  const runtime = await createRuntime({ device: 'cpu', threads: THREADS });
  const learner = new Learner({
    runtime,
    config,
    parameters: await ResidentTensors.of(runtime, initialParameters(config, 0)),
    ...(adapter && {
      adapter: { config: adapter.config, parameters: await ResidentTensors.of(runtime, adapter.parameters) },
    }),
    objective: DEFAULT_LOSS,
    adamw: DEFAULT_ADAMW,
    temperature: 1,
    tokenBudget,
    gradientCheckpointing,
  });
  await learner.accumulate(samples);
  await learner.step(1e-4);
  const peakMiB = process.resourceUsage().maxRSS / 1024;
  const seconds: number[] = [];
  for (let run = 0; run < 5; run++) {
    const before = performance.now();
    await learner.accumulate(samples);
    seconds.push((performance.now() - before) / 1000);
  }
  await learner.dispose();
  const settings = {
    ...DEFAULT_TRAINING,
    environment: '',
    batchSize: rows,
    maxCompletionLength: REPLY,
    tokenBudget,
    gradientCheckpointing,
    ...(adapter && { lora }),
  };
  const estimate = estimateMemory(config, settings, { longest: LENGTH - REPLY, shared: 0, turns: 1 });
  // Nothing is sampled here.
  return { peakMiB, estimatedMiB: (estimate.total - estimate.sampling) / MIB, seconds: median(seconds) };
}

function apart(...words: string[]): Measured {
  const { status, stdout, stderr } = spawnSync(process.execPath, [fileURLToPath(import.meta.url), ...words], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`the measurement ${words.join(' ')} failed:\n${stderr}`);
  return JSON.parse(stdout);
}

const [size, trained, how] = process.argv.slice(2);
if (size) console.log(JSON.stringify(await measure(size, trained!, how!)));
else {
  const results = [];
  console.log('  size  trained     layers       tokens   peak MiB  estimate   ratio   seconds');
  for (const [name, { rows }] of Object.entries(SIZES)) {
    for (const what of ['model', 'adapter']) {
      for (const layers of ['kept', 'recomputed']) {
        const tokens = rows * LENGTH;
        const result = { size: name, trained: what, layers, tokens, ...apart(name, what, layers) };
        results.push(result);
        const { peakMiB, estimatedMiB, seconds } = result;
        console.log(
          `${name.padStart(6)}  ${what.padEnd(10)}  ${layers.padEnd(10)}${String(tokens).padStart(9)}${peakMiB.toFixed(0).padStart(11)}` +
            `${estimatedMiB.toFixed(0).padStart(10)}${(estimatedMiB / peakMiB).toFixed(2).padStart(8)}${seconds.toFixed(2).padStart(10)}`,
        );
      }
    }
  }
  const machine = `${cpus().length} cores, no GPU`;
  await mkdir(new URL('./results/', import.meta.url), { recursive: true });
  const text = JSON.stringify({ machine, node: process.version, results }, null, 1);
  await writeFile(new URL('./results/memory.json', import.meta.url), `${text}\n`);
}
