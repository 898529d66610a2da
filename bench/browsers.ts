// npm run bench:browsers: how fast the page is in each browser that is here, in one run, on WebAssembly.

import { mkdtempSync, rmSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Progress } from '../apps/evaluator/src/engine/protocol.ts';
import { DEFAULT_TRAINING } from '../packages/grpo/src/index.ts';
import { FIREFOX, openFirefox } from '../tests/browser/firefox.ts';
import { hasChromium, launch, servePage } from '../tests/browser/page.ts';
import { openWebKit, WEBKIT } from '../tests/browser/webkit.ts';

const ROUNDS = 5;
const TRAINING = {
  ...DEFAULT_TRAINING,
  environment: 'tic_tac_toe',
  environmentConfig: {},
  steps: 5,
  groupSize: 8,
  batchSize: 64,
  maxCompletionLength: 4,
  evalEvery: 0,
  evalEpisodes: 2,
};

interface Times {
  readonly version: string;
  /** Until ONNX Runtime and nano are here and 100 games are played. */
  readonly first: number;
  /** 100 games of nano, each round with others; in ms. */
  readonly games: readonly number[];
  /** Updates of 64 games, in ms. */
  readonly updates: readonly number[];
}
type Measured = Omit<Times, 'version'>;

/** In the page. */
const measure = async (rounds: number, settings: typeof TRAINING): Promise<Measured> => {
  const { ludic } = globalThis;
  const evaluate = async (seed: number) => {
    const began = performance.now();
    const policy = { kind: 'model', name: 'nano', device: 'cpu', temperature: 0, maxCompletionLength: 64 } as const;
    const game = { environment: 'tic_tac_toe', config: {}, history: 'NO_HISTORY' } as const;
    await ludic.ask({ type: 'evaluate', game, policy, episodes: 100, seed });
    return performance.now() - began;
  };
  const first = await evaluate(0);
  const games: number[] = [];
  for (let seed = 1; seed <= rounds; seed++) games.push(await evaluate(seed));
  const updates: number[] = [];
  const onProgress = (progress: Progress) => {
    if (progress.stage === 'learned') updates.push(1000 * progress.seconds);
  };
  await ludic.ask({ type: 'train', model: 'nano', device: 'cpu', settings, saveAs: 'bench' }, { onProgress });
  return { first, games, updates };
};

const served = await servePage();
const found: Times[] = [];
if (hasChromium) {
  const browser = await launch();
  const page = await browser.newPage();
  await page.goto(served.origin);
  const call = `(${measure})(${ROUNDS}, ${JSON.stringify(TRAINING)})`;
  found.push({ version: `Chromium ${browser.version()}`, ...((await page.evaluate(call)) as Measured) });
  await browser.close();
}
for (const [path, open] of [
  [FIREFOX, openFirefox],
  [WEBKIT, openWebKit],
] as const) {
  if (path === undefined) continue;
  const downloads = mkdtempSync(join(tmpdir(), 'ludic-bench-'));
  const page = await open({ origin: served.origin, downloads });
  await page.goto(served.origin);
  found.push({ version: page.version, ...(await page.evaluate(measure, ROUNDS, TRAINING)) });
  await page.close();
  rmSync(downloads, { recursive: true, force: true });
}
served.close();

const median = (times: readonly number[]) => times.toSorted((a, b) => a - b)[times.length >> 1]!;
const rows = found.map(({ version, first, games, updates }) => ({
  browser: version,
  'first 100 games, ms': Math.round(first),
  '100 games, ms': Math.round(median(games)),
  'an update, ms': Math.round(median(updates.slice(1))),
}));
console.table(rows);
const machine = `${cpus().length} × ${cpus()[0]!.model}`;
await mkdir(new URL('./results/', import.meta.url), { recursive: true });
await writeFile(
  new URL('./results/browsers.json', import.meta.url),
  `${JSON.stringify({ machine, rounds: ROUNDS, rows }, null, 1)}\n`,
);
