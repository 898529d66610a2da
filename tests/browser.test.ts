// The page in a real browser, beside the same work in Node: the same games, the same curve, nothing from elsewhere.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { Browser, Locator, Page, Response } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PolicyChoice, Progress } from '../apps/evaluator/src/engine/protocol.ts';
import { DEFAULT_TRAINING, type StepMetrics, Trainer, type TrainSettings } from '../packages/grpo/src/index.ts';
import { HISTORY_STRATEGIES } from '../packages/history/src/index.ts';
import type { EnvironmentSpec } from '../packages/rollouts/src/index.ts';
import { evaluate } from '../packages/rollouts/src/index.ts';
import {
  KEY_DOOR,
  nanoFolder,
  nanoOn,
  openNano,
  type Plain,
  plain,
  playInNode,
  sitDown,
  TIC_TAC_TOE,
} from './browser/in-node.ts';
import { hasChromium, launch, type ServedPage, servePage, watchedPage } from './browser/page.ts';

declare global {
  /** GPU devices that a test may destroy. */
  var gpus: GPUDevice[];
  /** Of the work that a test watches. */
  var stages: string[] | undefined;
}

let scratch = '';
let served: ServedPage;
let browser: Browser;
let page: Page;
let origin = '';
/** What the page must not have: words on its console, uncaught errors, requests to elsewhere. */
let blemishes: string[] = [];
const responses: Response[] = [];

describe.skipIf(!hasChromium)('the page (needs Chromium at /usr/bin/chromium)', () => {
  beforeAll(async () => {
    scratch = mkdtempSync(join(tmpdir(), 'ludic-page-'));
    served = await servePage();
    origin = served.origin;
    browser = await launch();
    ({ page, blemishes } = await watchedPage(await browser.newContext(), origin));
    page.on('response', (response) => responses.push(response));
    await page.goto(origin);
    await page.getByText('WebAssembly').waitFor();
  }, 120_000);

  afterAll(async () => {
    await browser?.close();
    served?.close();
    rmSync(scratch, { recursive: true, force: true });
  });

  it('loads less than 300 kB before a model is asked for, and no code that is not its own', async () => {
    let size = 0;
    for (const response of responses) {
      const body = await response.body();
      size += gzipSync(body).length;
      // Vite puts an empty module in the place of one of Node.
      expect(body.toString(), response.url()).not.toMatch(/["'`]node:|browser-external/);
    }
    expect(responses.length).toBeGreaterThan(3);
    expect(size).toBeGreaterThan(20_000);
    expect(size).toBeLessThan(300_000);
    expect(responses.map((response) => response.url()).join()).not.toMatch(/wasm|\.safetensors|\/ort/);
    const { 'content-security-policy': policy } = await responses[0]!.allHeaders();
    expect(policy).toContain("script-src 'self' 'wasm-unsafe-eval'");
    // Models may come from elsewhere, code may not.
    const [, connect] = /connect-src ([^;]*)/.exec(policy!)!;
    expect(connect).toBe("'self' https: http://127.0.0.1:* http://localhost:*");
    expect(policy!.replace(connect!, '')).not.toMatch(/unsafe-inline|unsafe-eval'? |\*|https?:/);
    expect(await page.evaluate(() => crossOriginIsolated)).toBe(true);
  });

  it('tells what the browser computes with', async () => {
    const devices = await page.evaluate(() => globalThis.ludic.ask({ type: 'devices' }));
    expect(devices).toEqual([
      expect.objectContaining({ device: 'cpu', present: true, threads: expect.any(Number) }),
      expect.objectContaining({ device: 'webgpu', present: true, software: true }),
    ]);
  });

  it('evaluates by its form as Node evaluates', async () => {
    const view = page.getByRole('tabpanel', { name: 'Evaluate' });
    await view.getByLabel('Games', { exact: true }).fill('40');
    await view.getByLabel('Temperature').fill('0');
    await view.getByRole('button', { name: 'Evaluate' }).click();
    const row = results(view).getByRole('row', { name: /^nano/ });
    await row.waitFor();
    const { policy, table } = await sitDown(TIC_TAC_TOE, nanoOn('cpu'));
    const evaluation = await evaluate({ ...table, policy, episodes: 40, seed: 0 });
    const { success_rate, success_ci95, mean_reward, mean_reward_ci95 } = evaluation;
    const text = await row.textContent();
    expect(text).toContain(`${(100 * success_rate).toFixed(1)} %`);
    expect(text).toContain(`${(100 * success_ci95[0]).toFixed(1)} % to`);
    expect(text).toContain(`${mean_reward.toFixed(3)}`);
    expect(text).toContain(`${mean_reward_ci95[0].toFixed(3)} to ${mean_reward_ci95[1].toFixed(3)}`);
  });

  it('stops when it is told to, and goes on with something else', async () => {
    const view = page.getByRole('tabpanel', { name: 'Evaluate' });
    const games = view.getByLabel('Games', { exact: true });
    await games.fill('100000');
    await view.getByRole('button', { name: 'Evaluate' }).click();
    await view.getByText('success so far').or(view.getByText('starting')).first().waitFor();
    await view.getByRole('button', { name: 'Stop' }).click();
    await expect.poll(() => view.getByText('stopped', { exact: true }).count()).toBe(2);
    expect(await results(view).count()).toBe(1);
    await games.fill('20');
    await view.getByRole('button', { name: 'Evaluate' }).click();
    await expect.poll(() => results(view).count()).toBe(2);
    await games.fill('40');
  });

  it('trains by its form, draws the curve, and plays what it has trained', async () => {
    for (const name of ['Evaluate', 'Watch', 'Play']) await page.getByRole('tab', { name }).press('ArrowRight');
    const view = page.getByRole('tabpanel', { name: 'Train' });
    await view.getByLabel('Steps', { exact: true }).fill('2');
    await view.getByLabel('Games a step').fill('16');
    await view.getByLabel('Group').fill('8');
    await view.getByRole('button', { name: 'Train', exact: true }).click();
    await view.getByText('The model is saved as nano trained').waitFor();
    expect(await view.getByRole('img', { name: 'Reward after 2 steps' }).locator('canvas').count()).toBe(1);
    await page.getByRole('tab', { name: 'Train' }).press('Home');
    const other = page.getByRole('tabpanel', { name: 'Evaluate' });
    const policy = other.getByLabel('Policy', { exact: true }).first();
    const rows = results(other).first().getByRole('row');
    const penalty = () => other.getByLabel('Invalid penalty').inputValue();
    expect(await penalty()).toBe('0');
    await policy.selectOption('model:nano trained');
    // It brings the game that it was trained in; what is played there is not compared with other games.
    await expect.poll(penalty).toBe('0.3');
    await other.getByRole('button', { name: 'Evaluate' }).click();
    await results(other).first().getByRole('rowheader', { name: 'nano trained' }).waitFor();
    await expect.poll(() => rows.count(), { timeout: 30_000 }).toBe(3);
    await policy.selectOption('model:nano');
    await other.getByRole('button', { name: 'Evaluate' }).click();
    // What was played before on these games stands beside it.
    await expect.poll(() => rows.count(), { timeout: 30_000 }).toBe(4);
    await results(other)
      .first()
      .getByRole('rowheader', { name: /^nano(?! trained)/ })
      .waitFor();
    expect(await penalty()).toBe('0.3');
  });

  it('plays the game of a model that was chosen a moment ago, also where that has to arrive first', async () => {
    const view = page.getByRole('tabpanel', { name: 'Evaluate' });
    const game = view.getByLabel('Game', { exact: true });
    const penalty = () => view.getByLabel('Invalid penalty').inputValue();
    await game.selectOption('key_door');
    await game.selectOption('tic_tac_toe');
    await expect.poll(penalty).toBe('0');
    const played = await results(view).count();
    await page.evaluate(() => {
      const { ludic } = globalThis;
      const ask = ludic.ask.bind(ludic);
      ludic.ask = async (request, options) => {
        if (request.type === 'game') await new Promise((resolve) => setTimeout(resolve, 1500));
        return ask(request, options);
      };
    });
    await view.getByLabel('Games', { exact: true }).fill('30');
    await view.getByLabel('Policy', { exact: true }).first().selectOption('model:nano trained');
    await view.getByRole('button', { name: 'Evaluate' }).click();
    expect(await penalty()).toBe('0');
    await expect.poll(() => results(view).count(), { timeout: 30_000 }).toBe(played + 1);
    await page.evaluate(() => Reflect.deleteProperty(globalThis.ludic, 'ask'));
    expect(await penalty()).toBe('0.3');
    await view.getByRole('region', { name: 'Tic-Tac-Toe, 30 games' }).getByText('invalid penalty 0.3').waitFor();
  });

  it('says what is wrong with settings that cannot be used', async () => {
    const view = page.getByRole('tabpanel', { name: 'Train' });
    await page.getByRole('tab', { name: 'Train' }).click();
    await view.getByLabel('Games a step').fill('10');
    await view.getByRole('button', { name: 'Train', exact: true }).click();
    await view.getByRole('alert').getByText('10 games a step do not make groups of 8').waitFor();
    await page.getByRole('tab', { name: 'Evaluate' }).click();
  });

  it('opens a folder from disk, and says what is wrong with one that is no model', async () => {
    const folders = { 'no model': ['notes.txt', 'nothing'], damaged: ['config.json', '{'] } as const;
    for (const [name, [file, text]] of Object.entries(folders)) {
      await mkdir(join(scratch, name));
      writeFileSync(join(scratch, name, file), text);
    }
    const view = page.getByRole('tabpanel', { name: 'Evaluate' });
    await view.locator('summary').getByText('Models').click();
    const input = view.getByLabel('Folder of a model');
    await input.setInputFiles(join(scratch, 'no model'));
    await view.getByText('it has no config.json').waitFor();
    await input.setInputFiles(join(scratch, 'damaged'));
    await view.getByRole('option', { name: 'damaged' }).first().waitFor({ state: 'attached' });
    await view.getByRole('button', { name: 'Evaluate' }).click();
    await view.getByText('config.json of damaged is damaged').waitFor();
    await input.setInputFiles(nanoFolder);
    await view.getByRole('option', { name: 'model', exact: true }).first().waitFor({ state: 'attached' });
    const picked = await play(TIC_TAC_TOE, { ...nanoOn('cpu'), name: 'model' } as PolicyChoice, 4);
    expect(picked).toEqual(await play(TIC_TAC_TOE, nanoOn('cpu'), 4));
  });

  it('survives the loss of the GPU', async () => {
    const [worker] = page.workers();
    await worker!.evaluate(() => {
      const { requestDevice } = GPUAdapter.prototype;
      globalThis.gpus = [];
      GPUAdapter.prototype.requestDevice = async function (options) {
        const gpu = await requestDevice.call(this, options);
        globalThis.gpus.push(gpu);
        return gpu;
      };
    });
    const lost = page.evaluate(
      async ([game, policy]) => {
        const stages = (globalThis.stages = [] as string[]);
        const { ludic } = globalThis;
        const request = { type: 'rollout', game, policy, seed: 7, from: 0, episodes: 50 } as const;
        return ludic
          .ask(request, { onProgress: ({ stage }) => stages.push(stage) })
          .catch(({ code, message }) => `${code}: ${message}`);
      },
      [TIC_TAC_TOE, nanoOn('webgpu')] as const,
    );
    // The model is being put on the GPU, or played there.
    const loading = () => page.evaluate(() => globalThis.stages?.includes('loading'));
    await expect.poll(loading, { timeout: 30_000 }).toBe(true);
    await worker!.evaluate(() => globalThis.gpus[0]!.destroy());
    expect(await lost).toMatch(/^device_lost: The GPU is lost/);
    // The tests below go on with a new one.
  });

  describe('plays the games that Node plays', () => {
    for (const name of ['random', 'expert'])
      for (const game of [TIC_TAC_TOE, { ...KEY_DOOR, config: {} }])
        it(`${name} at ${game.environment}`, () => expectSame(game, { kind: 'scripted', name }, 10));
    for (const game of [TIC_TAC_TOE, KEY_DOOR]) {
      for (const history of HISTORY_STRATEGIES)
        it(`nano at ${game.environment}, ${history}, on the CPU`, () =>
          expectSame({ ...game, history }, nanoOn('cpu'), 4));
      it(`nano at ${game.environment} on WebGPU`, () => expectSame(game, nanoOn('webgpu'), 2));
    }
  });

  it('learns as Node learns', async () => {
    const settings: TrainSettings = {
      ...DEFAULT_TRAINING,
      environment: 'tic_tac_toe',
      environmentConfig: { max_steps: 3 },
      steps: 3,
      groupSize: 4,
      batchSize: 4,
      maxCompletionLength: 4,
      tokenBudget: 1024,
      evalEpisodes: 2,
    };
    const trainer = await Trainer.create(await openNano(), settings);
    const curve: StepMetrics[] = [];
    for (let step = 0; step < settings.steps; step++) curve.push((await trainer.runStep()).metrics);
    await trainer.dispose();
    expect(curve.some(({ gradient_norm }) => gradient_norm > 0.1)).toBe(true);
    for (const device of ['cpu', 'webgpu'] as const) {
      const here = await page.evaluate(
        async ([device, settings]) => {
          const metrics: StepMetrics[] = [];
          const onProgress = (progress: Progress) => {
            if (progress.stage === 'learned') metrics.push(progress.metrics);
          };
          const { ludic } = globalThis;
          await ludic.ask({ type: 'train', model: 'nano', device, settings, saveAs: `on ${device}` }, { onProgress });
          return metrics;
        },
        [device, settings] as const,
      );
      expect(here.length).toBe(curve.length);
      for (const [i, metrics] of here.entries()) {
        for (const [name, value] of Object.entries(curve[i]!)) {
          const own = metrics[name as keyof StepMetrics] as number;
          expect(Math.abs(own - Number(value)), `${name} of step ${i + 1} on ${device}`).toBeLessThanOrEqual(1e-3);
        }
      }
    }
  }, 180_000);

  it('says that ONNX Runtime does not come', async () => {
    const other = await browser.newPage();
    await other.route('**/*.wasm', (route) => route.abort());
    await other.goto(origin);
    await other.getByRole('button', { name: 'Evaluate' }).click();
    await other.getByRole('alert').getByText('ONNX Runtime does not start on cpu').waitFor();
    expect(await other.getByRole('alert').textContent()).toMatch(/Reload the page/);
    await other.close();
  });

  it('has nothing on its console and asks no other server', () => {
    expect(blemishes).toEqual([]);
    expect(responses.some((response) => response.url().includes('.asyncify'))).toBe(true);
  });
});

const results = (view: Locator) => view.getByRole('region', { name: 'Results' });

/** Episodes that the page plays. */
async function play(game: EnvironmentSpec, policy: PolicyChoice, episodes: number): Promise<Plain[]> {
  const answer = await page.evaluate(
    async ([game, policy, episodes]) => {
      try {
        const { ludic } = globalThis;
        return await ludic.ask({ type: 'rollout', game, policy, seed: 7, from: 0, episodes });
      } catch (error) {
        const { code, message } = error as Error & { code: string };
        throw new Error(`${code}: ${message}`);
      }
    },
    [game, policy, episodes] as const,
  );
  return answer.episodes.map(plain);
}

async function expectSame(game: EnvironmentSpec, choice: PolicyChoice, episodes: number): Promise<void> {
  const here = await playInNode(game, choice, episodes);
  expect(here.some(({ turns }) => turns.length > 1)).toBe(true);
  expect(await play(game, choice, episodes)).toEqual(here);
}
