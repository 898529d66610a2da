// npm run bench:browsers: how fast the page is in each browser that is here, on WebAssembly. They take turns, so that
// what else the machine does meets all of them.

import { mkdtempSync, rmSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Progress } from '../apps/evaluator/src/engine/protocol.ts';
import { DEFAULT_TRAINING } from '../packages/grpo/src/index.ts';
import type { DrivenPage } from '../tests/browser/driven.ts';
import { FIREFOX, openFirefox } from '../tests/browser/firefox.ts';
import { hasChromium, launch, servePage } from '../tests/browser/page.ts';
import { openWebKit, WEBKIT } from '../tests/browser/webkit.ts';

const ROUNDS = 9;
const TRAINING = {
  ...DEFAULT_TRAINING,
  environment: 'tic_tac_toe',
  environmentConfig: {},
  groupSize: 8,
  batchSize: 64,
  maxCompletionLength: 4,
  steps: 3,
  saveEvery: 3,
  evalEvery: 0,
  evalEpisodes: 2,
};
type Driven = Pick<DrivenPage, 'version' | 'evaluate' | 'close'>;

/** In the page: 100 games of nano, in ms. */
const evaluate = async (seed: number): Promise<number> => {
  const began = performance.now();
  const policy = { kind: 'model', name: 'nano', device: 'cpu', temperature: 0, maxCompletionLength: 64 } as const;
  const game = { environment: 'tic_tac_toe', config: {}, history: 'NO_HISTORY' } as const;
  const { ludic } = globalThis;
  await ludic.ask({ type: 'evaluate', game, policy, episodes: 100, seed });
  return performance.now() - began;
};

/** In the page: updates of 64 games, in ms, without the first. */
const train = async (settings: typeof TRAINING, round: number): Promise<number[]> => {
  const updates: number[] = [];
  const onProgress = (progress: Progress) => {
    if (progress.stage === 'learned') updates.push(1000 * progress.seconds);
  };
  const { ludic } = globalThis;
  await ludic.ask({ type: 'train', model: 'nano', device: 'cpu', settings, saveAs: `bench ${round}` }, { onProgress });
  return updates.slice(1);
};

const served = await servePage();
const downloads = mkdtempSync(join(tmpdir(), 'ludic-bench-'));
const browsers: Driven[] = [];
if (hasChromium) {
  const browser = await launch();
  const page = await browser.newPage();
  await page.goto(served.origin);
  browsers.push({
    version: `Chromium ${browser.version()}`,
    evaluate: (call, ...given) => page.evaluate(`(${call})(...${JSON.stringify(given)})`) as never,
    close: () => browser.close(),
  });
}
for (const [path, open] of [
  [FIREFOX, openFirefox],
  [WEBKIT, openWebKit],
] as const) {
  if (path === undefined) continue;
  const page = await open({ origin: served.origin, downloads });
  await page.goto(served.origin);
  browsers.push(page);
}

const times = browsers.map(({ version }) => ({ version, first: 0, games: [] as number[], updates: [] as number[] }));
for (const [i, browser] of browsers.entries()) times[i]!.first = await browser.evaluate(evaluate, 0);
for (let round = 1; round <= ROUNDS; round++)
  for (const [i, browser] of browsers.entries()) {
    times[i]!.games.push(await browser.evaluate(evaluate, round));
    times[i]!.updates.push(...(await browser.evaluate(train, TRAINING, round)));
  }
for (const browser of browsers) await browser.close();
served.close();
rmSync(downloads, { recursive: true, force: true });

const median = (values: readonly number[]) => values.toSorted((a, b) => a - b)[values.length >> 1]!;
const rows = times.map(({ version, first, games, updates }) => ({
  browser: version,
  'first 100 games, ms': Math.round(first),
  '100 games, ms': Math.round(median(games)),
  'an update, ms': Math.round(median(updates)),
}));
console.table(rows);
const machine = `${cpus().length} × ${cpus()[0]!.model}`;
await mkdir(new URL('./results/', import.meta.url), { recursive: true });
await writeFile(
  new URL('./results/browsers.json', import.meta.url),
  `${JSON.stringify({ machine, rounds: ROUNDS, rows }, null, 2)}\n`,
);
