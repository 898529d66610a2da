// Training in the page: runs that live in the browser's storage, and what may happen to them. The same runs in Node.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Locator } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Answers, Game, Progress, RequestOf } from '../apps/evaluator/src/engine/protocol.ts';
import { DEFAULT_TRAINING, type StepMetrics, Trainer, type TrainSettings } from '../packages/grpo/src/index.ts';
import { openModelFolder } from '../packages/models/src/node.ts';
import { NANO_FOLDER } from '../packages/nano/src/index.ts';
import { openLanguageModel } from '../packages/policies/src/index.ts';
import { createRuntime } from '../packages/runtime/src/node.ts';
import { hasChromium, type OpenedPage, openPage } from './browser/page.ts';

const { unzipSync } = createRequire(new URL('../apps/evaluator/package.json', import.meta.url))('fflate');
const CLI = fileURLToPath(new URL('../apps/cli/src/main.ts', import.meta.url));

const GAME: Game = { environment: 'tic_tac_toe', config: { max_steps: 3 }, history: 'NO_HISTORY' };
const SETTINGS: TrainSettings = {
  ...DEFAULT_TRAINING,
  environment: GAME.environment,
  environmentConfig: GAME.config,
  steps: 8,
  groupSize: 4,
  batchSize: 8,
  maxCompletionLength: 4,
  tokenBudget: 1024,
  evalEvery: 0,
  evalEpisodes: 4,
  evalTemperature: 0,
  saveEvery: 2,
};

let scratch = '';
let opened: OpenedPage;
let view: Locator;
let form: Locator;

describe.skipIf(!hasChromium)('training in the page (needs Chromium at /usr/bin/chromium)', () => {
  beforeAll(async () => {
    scratch = mkdtempSync(join(tmpdir(), 'ludic-train-'));
    opened = await openPage('#train');
    view = opened.page.getByRole('tabpanel', { name: 'Train' });
    form = view.getByRole('form', { name: 'What to train' });
  }, 120_000);

  afterAll(async () => {
    await opened?.close();
    rmSync(scratch, { recursive: true, force: true });
  });

  it('draws what it learns, step by step, and shows groups of games with their advantages', async () => {
    await form.getByLabel('Steps', { exact: true }).fill('8');
    await form.getByLabel('Games a step').fill('8');
    await form.getByLabel('Group', { exact: true }).fill('4');
    await form.getByLabel('KL weight').fill('0');
    // At twice this rate the norm at one step is a thousandth of itself off, and with another number of threads half that.
    await form.getByLabel('Learning rate').fill('0.001');
    await view.getByText('Settings of the game').click();
    await form.getByLabel('max steps').fill('3');
    await view.getByText('All settings of training').click();
    await form.getByLabel('eval every').fill('4');
    await form.getByLabel('eval episodes').fill('4');
    await form.getByLabel('eval temperature').fill('0');
    await form.getByLabel('save every').fill('2');
    await form.getByLabel('token budget').fill('1024');
    await view.getByRole('button', { name: 'Train', exact: true }).click();
    await view.getByText('The model is nano trained now').waitFor();
    const titles = ['Reward', 'Success', 'Entropy', 'Gradient norm', 'Sampler against trainer', 'Learning rate'];
    for (const title of titles) {
      const curve = view.getByRole('img', { name: new RegExp(`^${title}.*after 8 steps`) });
      await expect.poll(() => curve.locator('canvas').count(), title).toBe(1);
    }
    await view.getByRole('img', { name: /^Evaluations after 2 steps/ }).waitFor();
    const group = view.getByRole('table', { name: 'Replies, advantages' });
    expect(await group.getByRole('row').count()).toBe(5);
    // Of a group that teaches anything, some did better and some worse.
    const signs = (await group.locator('td small').allTextContents()).join(' ');
    await view.getByRole('region', { name: 'Run nano trained' }).getByLabel('Group').selectOption('1');
    const both = signs + (await group.locator('td small').allTextContents()).join(' ');
    expect(both).toMatch(/\+\d\.\d\d/);
    expect(both).toMatch(/−\d\.\d\d/);
    const row = view.getByRole('row', { name: /nano trained/ });
    expect(await row.textContent()).toContain('8 of 8');
  });

  it('shows the games of any step, also after a reload, and plays them on their board', async () => {
    const { page } = opened;
    const games = view.getByRole('region', { name: 'Games of a step' });
    const heading = (step: number) => games.getByRole('heading', { name: `Games of step ${step} that began alike` });
    const cells = () => games.getByRole('cell').allTextContents();
    await games.getByLabel('Group').selectOption('0');
    const newest = await cells();
    await games.getByRole('slider').fill('0');
    await heading(1).waitFor();
    const first = await cells();
    expect(first.length).toBeGreaterThan(8);
    expect(first).not.toEqual(newest);
    await reload();
    await heading(8).waitFor();
    expect(await cells()).toEqual(newest);
    // A click into a curve leads to a step as the slider does.
    const curve = view.getByRole('img', { name: /^Entropy/ }).locator('.u-over');
    await curve.click({ position: { x: 2, y: 20 } });
    await heading(1).waitFor();
    expect(await cells()).toEqual(first);
    for (const [button, step] of [
      ['Next step', 2],
      ['Previous step', 1],
    ] as const) {
      await games.getByRole('button', { name: button }).click();
      await heading(step).waitFor();
    }
    const { games: kept } = await page.evaluate(() =>
      globalThis.ludic.ask({ type: 'games', run: 'nano trained', step: 1 }),
    );
    await games.getByRole('button', { name: 'Watch game 3 of step 1' }).click();
    const watching = page.getByRole('tabpanel', { name: 'Watch' });
    await watching.getByRole('heading', { name: 'nano trained, step 1, group 1' }).waitFor();
    const chosen = watching.getByLabel('Recorded game').locator('option:checked');
    expect(await chosen.textContent()).toBe(`Step 1, game 3, reward ${Number(kept[2]!.reward.toFixed(3))}`);
    expect(await watching.getByRole('alert').count()).toBe(0);
    const player = watching.getByRole('region', { name: 'The game' });
    await player.getByRole('slider').fill('1');
    await player.getByText(`Step 2 of ${kept[2]!.turns.length}`).waitFor();
    await page.getByRole('tab', { name: 'Train' }).click();
    await games.getByRole('button', { name: 'Newest' }).click();
    await heading(8).waitFor();
  });

  it('goes on after a reload as if nothing had been: the same bytes, and the curve of Node', async () => {
    const { settings } = await contents('nano trained');
    await ask('whole', settings, 'done');
    await ask('cut', settings, 'learned 5');
    await reload();
    const row = view.getByRole('row', { name: /Continue cut/ });
    expect(await row.textContent()).toMatch(/4 of 8/);
    await row.getByRole('button', { name: 'Continue cut' }).click();
    await view.getByText('The model is cut now').waitFor();
    const whole = await digest('whole', 'final/model.safetensors');
    expect(whole).toMatch(/^[0-9a-f]{64}$/);
    for (const name of ['cut', 'nano trained']) expect(await digest(name, 'final/model.safetensors')).toBe(whole);
    expect(await digest('whole', 'checkpoints/step-000000/model.safetensors')).not.toBe(whole);

    const trainer = await Trainer.create(
      await openLanguageModel(await openModelFolder(fileURLToPath(NANO_FOLDER)), await createRuntime()),
      settings,
    );
    const curve: StepMetrics[] = [];
    for (let step = 0; step < settings.steps; step++) curve.push((await trainer.runStep()).metrics);
    await trainer.dispose();
    expect(curve.some(({ gradientNorm }) => gradientNorm > 0.1)).toBe(true);
    const { metrics } = await contents('cut');
    expect(metrics.map(({ step }) => step)).toEqual(curve.map(({ step }) => step));
    for (const [i, expected] of curve.entries())
      for (const [name, value] of Object.entries(expected))
        expect(
          Math.abs(metrics[i]![name as keyof StepMetrics]! - value),
          `${name} of step ${i + 1}`,
        ).toBeLessThanOrEqual(1e-3);
  });

  it('loses nothing that was saved, whenever the page is killed', async () => {
    const { settings } = await contents('whole');
    await stick('write', 3);
    await ask('killed', settings, 'stuck');
    await reload();
    expect(await steps('killed')).toBeUndefined();
    await ask('killed', settings, 'saved 0');
    // In the midst of the moments, and when the folder is whole and not yet pointed to.
    for (const [method, calls] of [
      ['write', 80],
      ['move', 1],
    ] as const) {
      await reload();
      const before = await steps('killed');
      expect(before, `before ${method} ${calls}`).toBeGreaterThanOrEqual(0);
      await stick(method, calls);
      await goOn('killed', 'stuck');
      await reload();
      expect(await steps('killed'), `after ${method} ${calls}`).toBe(before);
    }
    await goOn('killed', 'done');
    expect(await digest('killed', 'final/model.safetensors')).toBe(await digest('whole', 'final/model.safetensors'));
  });

  it('is paused and continued', async () => {
    await form.getByLabel('Steps', { exact: true }).fill('1000');
    await form.getByLabel('Games a step').fill('8');
    await form.getByLabel('Group', { exact: true }).fill('4');
    await view.getByRole('button', { name: 'Train', exact: true }).click();
    await view.getByRole('img', { name: /^Reward after [2-9] steps/ }).waitFor();
    // What somebody writes meanwhile stays as it is written, key by key.
    const rate = form.getByLabel('Learning rate');
    const before = await rate.inputValue();
    await rate.clear();
    await view.getByRole('img', { name: /^Reward after \d\d steps/ }).waitFor();
    expect(await rate.inputValue()).toBe('');
    await rate.pressSequentially('0.0004');
    expect(await rate.inputValue()).toBe('0.0004');
    await rate.fill(before);
    await view.getByRole('button', { name: 'Pause' }).click();
    await view.getByText(/Paused after step \d+\. What was learned is saved/).waitFor();
    const row = view.getByRole('row', { name: /Continue nano trained 2/ });
    const paused = Number(/(\d+) of 1000/.exec((await row.textContent())!)![1]);
    await row.getByRole('button', { name: /Continue/ }).click();
    await view.getByRole('img', { name: new RegExp(`^Reward after (${paused + 1}|${paused + 2}) steps`) }).waitFor();
    await view.getByRole('button', { name: 'Pause' }).click();
    await view.getByText('Paused after step').waitFor();
    // What was paused is a model like others.
    await form
      .getByLabel('Model', { exact: true })
      .locator('option', { hasText: 'nano trained 2' })
      .waitFor({ state: 'attached' });
  });

  it('compares before and after on the same games', async () => {
    await view.getByRole('button', { name: 'whole', exact: true }).click();
    const comparison = view.getByRole('region', { name: 'Run whole' }).getByRole('form', { name: 'Before and after' });
    await comparison.getByLabel('Games').fill('8');
    await comparison.getByLabel('Temperature').fill('0');
    await comparison.getByRole('button', { name: 'Compare' }).click();
    await comparison.getByText('Game by game the success changed by').waitFor();
    expect(await comparison.getByRole('row').count()).toBe(3);
    expect(await comparison.getByRole('rowheader').allTextContents()).toEqual(['Before: nano', 'After 8 steps']);
  });

  it('is downloaded as a model that the command line evaluates alike', async () => {
    const folder = await download('whole', 'model');
    const evaluation = await evaluated('whole');
    const { results } = JSON.parse(evaluate(folder, await configOf('whole')));
    expect(results.total_episodes).toBe(20);
    expect(results.success_rate).toBe(evaluation.success.rate);
    expect(results.success_ci95).toEqual(evaluation.success.interval);
    expect(results.mean_reward).toBe(evaluation.meanReward);
    expect(results.mean_steps).toBe(evaluation.meanSteps);
    expect(results.invalid_rate).toBe(evaluation.invalidRate);
    expect(JSON.parse(readFileSync(join(folder, 'result.json'), 'utf8')).steps).toBe(8);
  });

  it('is downloaded as a run that the command line goes on with', async () => {
    const { settings, metrics } = await contents('whole');
    await ask('half', settings, 'learned 5');
    await reload();
    const folder = await download('half', 'run');
    cli('train', '--out', folder, '--resume', '--json');
    const lines = readFileSync(join(folder, 'metrics.jsonl'), 'utf8').trim().split('\n');
    const steps = lines.map((line) => JSON.parse(line)).filter(({ type }) => type === 'step');
    expect(steps.map(({ step }) => step)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    for (const [i, { reward, entropy }] of metrics.entries()) {
      expect(Math.abs(steps[i].reward - reward)).toBeLessThanOrEqual(1e-3);
      expect(Math.abs(steps[i].entropy - entropy)).toBeLessThanOrEqual(1e-3);
    }
  });

  it('trains an adapter, which is played and downloaded as a model before its run is finished as after it', async () => {
    await form.getByLabel('What learns').selectOption('adapter');
    await form.getByLabel('Rank').fill('2');
    expect(await form.getByLabel('Alpha').inputValue()).toBe('4');
    const { settings } = await contents('whole');
    const lora = { rank: 2, alpha: 4, targets: [], rankStabilized: false };
    await ask('adapter', { ...settings, steps: 6, saveEvery: 1, learningRate: 0.02, lora }, 'saved 1');
    await reload();
    const row = view.getByRole('row', { name: /Continue adapter/ });
    expect(await row.textContent()).toMatch(/[1-5] of 6/);
    const compare = async (when: string) => {
      const folder = await download('adapter', 'model');
      const { meanReward, meanSteps, invalidRate } = await evaluated('adapter');
      const { results } = JSON.parse(evaluate(folder, settings.environmentConfig));
      expect(results.mean_reward, when).toBe(meanReward);
      expect(results.mean_steps).toBe(meanSteps);
      expect(results.invalid_rate).toBe(invalidRate);
      return readFileSync(join(folder, 'model.safetensors'));
    };
    const paused = await compare('paused');
    await row.getByRole('button', { name: 'Continue adapter' }).click();
    await view.getByText('The model is adapter now').waitFor();
    const finished = await compare('finished');
    expect(paused.length).toBe(finished.length);
    expect(paused.equals(finished)).toBe(false);
    const first = readFileSync(new URL('model.safetensors', NANO_FOLDER));
    expect(paused.equals(first)).toBe(false);
    const folder = await download('adapter', 'run');
    expect(existsSync(join(folder, 'final/adapter/adapter_model.safetensors'))).toBe(true);
    await view.getByText('an adapter of rank 2').waitFor();
    const comparison = view.getByRole('form', { name: 'Before and after' });
    await comparison.getByLabel('Games').fill('4');
    await comparison.getByRole('button', { name: 'Compare' }).click();
    await comparison.getByRole('rowheader', { name: 'After 6 steps' }).waitFor();
  });

  it('is deleted when it is asked twice', async () => {
    await view.getByRole('button', { name: 'Delete half' }).click();
    await view.getByRole('button', { name: 'Delete half for good' }).click();
    await view.getByRole('button', { name: 'Delete half' }).waitFor({ state: 'detached' });
    const { cards } = await opened.page.evaluate(() => globalThis.ludic.ask({ type: 'models' }));
    const models = cards.map(({ name }) => name);
    expect(models).toContain('whole');
    expect(models).not.toContain('half');
    await reload();
    expect(await view.getByRole('button', { name: 'half', exact: true }).count()).toBe(0);
    expect(await view.getByRole('button', { name: 'whole', exact: true }).count()).toBe(1);
  });

  it('goes on in memory where the storage is full, and what is saved stays', async () => {
    const { page, context, origin } = opened;
    const devtools = await context.newCDPSession(page);
    const { usage } = await devtools.send('Storage.getUsageAndQuota', { origin });
    // Room for the first checkpoint, of 9 MB.
    await devtools.send('Storage.overrideQuotaForOrigin', { origin, quotaSize: usage + 12e6 });
    await form.getByLabel('Steps', { exact: true }).fill('4');
    await form.getByLabel('Games a step').fill('8');
    await form.getByLabel('Group', { exact: true }).fill('4');
    await view.getByText('All settings of training').click();
    await form.getByLabel('save every').fill('1');
    await form.getByLabel('eval episodes').fill('4');
    await view.getByRole('button', { name: 'Train', exact: true }).click();
    await view.getByText('The storage of the browser is full: the run goes on in memory').waitFor();
    await view.getByText('The model is nano trained 3 now').waitFor();
    const row = view.getByRole('row', { name: /nano trained 3/ });
    expect(await row.textContent()).toContain('the rest is in memory');
    expect(await row.textContent()).toContain('4 of 4');
    // It is whole as long as the page is open.
    const folder = await download('nano trained 3', 'model');
    expect(JSON.parse(readFileSync(join(folder, 'result.json'), 'utf8')).steps).toBe(4);
    await devtools.send('Storage.overrideQuotaForOrigin', { origin });
    await reload();
    expect(await row.textContent()).toMatch(/[01] of 4/);
    await row.getByRole('button', { name: /Continue/ }).click();
    await view.getByText('The model is nano trained 3 now').waitFor();
    expect(await row.textContent()).not.toContain('memory');
  });

  it('is continued on another device where the GPU is lost', async () => {
    const { page } = opened;
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
    await form.getByLabel('Compute on').selectOption('webgpu');
    await form.getByLabel('Steps', { exact: true }).fill('3');
    await form.getByLabel('Games a step').fill('4');
    await form.getByLabel('Group', { exact: true }).fill('4');
    await view.getByText('All settings of training').click();
    await form.getByLabel('save every').fill('1');
    await form.getByLabel('eval episodes').fill('2');
    await view.getByRole('button', { name: 'Train', exact: true }).click();
    // Its programs are compiled at first, which takes a software adapter long.
    await view.getByRole('img', { name: /^Reward after 1 steps/ }).waitFor({ timeout: 120_000 });
    await worker!.evaluate(() => globalThis.gpus.at(-1)!.destroy());
    await view.getByRole('alert').getByText('The GPU is lost').waitFor();
    await view.getByText('it can be continued, on any device').waitFor();
    await form.getByLabel('Compute on').selectOption('cpu');
    await view.getByRole('button', { name: 'Continue nano trained 4' }).click();
    await view.getByText('The model is nano trained 4 now').waitFor();
  }, 180_000);

  it('works on a run once at a time', async () => {
    const { page, context, origin } = opened;
    await ask('shared', { ...SETTINGS, steps: 500 }, 'learned 1');
    const other = await context.newPage();
    await other.goto(`${origin}/#train`);
    const refused = await other.evaluate(() =>
      globalThis.ludic.ask({ type: 'continue', run: 'shared', device: 'cpu' }).then(
        () => 'it went on',
        (error: Error) => error.message,
      ),
    );
    expect(refused).toContain('is being worked on, here or in another tab');
    await other.close();
    await page.bringToFront();
    await reload();
  });

  it('is played as it was saved last, and seen by another tab as it is', async () => {
    const { page, context, origin } = opened;
    const other = await context.newPage();
    await other.goto(`${origin}/#train`);
    const seen = () =>
      other.evaluate(async () => {
        const runs = await globalThis.ludic.ask({ type: 'runs' });
        const found = runs.find(({ name }) => name === 'seen');
        return found && [found.step, found.finished];
      });
    await page.bringToFront();
    const settings = { ...SETTINGS, steps: 100, saveEvery: 5, learningRate: 0.02 };
    const [first, later] = await page.evaluate(
      ([settings, game]) => {
        const chances = async (name: string) => {
          const policy = { kind: 'model', name, device: 'cpu', temperature: 1, maxCompletionLength: 4 } as const;
          const position = { game, seed: 1, dynamicsSeed: 1, replies: [] };
          const candidates = ['<move>1</move>', '<move>5</move>'];
          return (await globalThis.ludic.ask({ type: 'hint', position, policy, candidates })).chances;
        };
        const controller = new AbortController();
        return new Promise<(readonly number[])[]>((resolve, reject) => {
          let found: Promise<(readonly number[])[]>;
          const onProgress = (progress: Progress) => {
            if (progress.stage !== 'saved' || progress.step !== 5) return;
            found = Promise.all([chances('nano'), chances('seen')]).finally(() => controller.abort());
          };
          const request = { type: 'train', model: 'nano', device: 'cpu', settings, saveAs: 'seen' } as const;
          globalThis.ludic.ask(request, { onProgress, signal: controller.signal }).then(() => resolve(found), reject);
        });
      },
      [settings, GAME] as const,
    );
    expect(Math.abs(later![0]! - first![0]!)).toBeGreaterThan(0.01);
    const last = (await steps('seen'))!;
    expect(last).toBeGreaterThanOrEqual(5);
    expect(await seen()).toEqual([last, false]);
    const next = last - (last % 5) + 5;
    await goOn('seen', `saved ${next}`);
    expect((await seen())![0]).toBeGreaterThanOrEqual(next);
    await reload();
    await other.evaluate(() => globalThis.ludic.ask({ type: 'delete', run: 'seen' }));
    await view.getByRole('button', { name: 'Download the model seen', exact: true }).click();
    await view.getByText('The run seen is no longer in this browser: perhaps another tab deleted it.').waitFor();
    await view.getByRole('button', { name: 'seen', exact: true }).waitFor({ state: 'detached' });
    await other.close();
    await page.bringToFront();
  });

  it('has nothing on its console and asks nobody else', () => {
    expect(opened.blemishes).toEqual([]);
  });
});

async function reload(): Promise<void> {
  await opened.page.reload();
  await view.getByRole('table', { name: 'Runs in this browser' }).waitFor();
}

const contents = (run: string): Promise<Answers['run']> =>
  opened.page.evaluate((run) => globalThis.ludic.ask({ type: 'run', run }), run);

const configOf = async (run: string) => (await contents(run)).settings.environmentConfig;

/** The last saved step of a run, undefined where there is no such run. */
async function steps(run: string): Promise<number | undefined> {
  const runs = await opened.page.evaluate(() => globalThis.ludic.ask({ type: 'runs' }));
  return runs.find(({ name }) => name === run)?.step;
}

/** `learned 5`, `saved 2`: what is waited for; `stuck`: until `stick` has stopped the engine. */
type Until = 'done' | 'stuck' | `${'learned' | 'saved'} ${number}`;

const ask = (saveAs: string, settings: TrainSettings, until: Until) =>
  work({ type: 'train', model: 'nano', device: 'cpu', settings, saveAs }, until);
const goOn = (run: string, until: Until) => work({ type: 'continue', run, device: 'cpu' }, until);

const work = (request: RequestOf<'train'> | RequestOf<'continue'>, until: Until) =>
  opened.page.evaluate(
    ([request, until]) =>
      new Promise<void>((resolve, reject) => {
        new BroadcastChannel('stuck').onmessage = () => resolve();
        const onProgress = (progress: Progress) => {
          if (progress.stage === 'learned' && until === `learned ${progress.metrics.step}`) resolve();
          if (progress.stage === 'saved' && until === `saved ${progress.step}`) resolve();
        };
        globalThis.ludic
          .ask(request, { onProgress })
          .then(() => (until === 'done' ? resolve() : reject(new Error(`It was finished before ${until}.`))), reject);
      }),
    [request, until] as const,
  );

/** Lets the engine hang for ever in one of its next writes, half done, as if that took long. */
async function stick(method: 'write' | 'move', calls: number): Promise<void> {
  const [worker] = opened.page.workers();
  await worker!.evaluate(
    ([method, calls]) => {
      let left = calls;
      const scope = globalThis as unknown as {
        FileSystemSyncAccessHandle: { prototype: { write(data: Uint8Array, options: object): number } };
      };
      const { prototype: file } = scope.FileSystemSyncAccessHandle;
      const { prototype: handle } = FileSystemFileHandle as unknown as {
        prototype: { move(...to: unknown[]): unknown };
      };
      const { write } = file;
      const { move } = handle;
      const say = () => new BroadcastChannel('stuck').postMessage(method);
      if (method === 'write')
        file.write = function (data, options) {
          if (--left > 0) return write.call(this, data, options);
          write.call(this, data.subarray(0, data.length >> 1), options);
          say();
          for (;;) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1000);
        };
      else
        handle.move = function (...to) {
          if (--left > 0) return move.apply(this, to);
          say();
          return new Promise(() => {});
        };
    },
    [method, calls] as const,
  );
}

/** Of a file of a run in the browser's storage. */
const digest = (run: string, path: string): Promise<string> =>
  opened.page.evaluate(
    async ([run, path]) => {
      let folder = await (await navigator.storage.getDirectory()).getDirectoryHandle('runs');
      const names = [encodeURIComponent(run), ...path.split('/')];
      const file = names.pop()!;
      for (const name of names) folder = await folder.getDirectoryHandle(name);
      const bytes = await (await (await folder.getFileHandle(file)).getFile()).arrayBuffer();
      const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
      return Array.from(hash, (byte) => byte.toString(16).padStart(2, '0')).join('');
    },
    [run, path] as const,
  );

/** Presses the button, and unpacks the zip. */
async function download(run: string, part: 'model' | 'run'): Promise<string> {
  const coming = opened.page.waitForEvent('download');
  await view.getByRole('button', { name: `Download the ${part} ${run}`, exact: true }).click();
  const file = await coming;
  const folder = join(scratch, `${run} ${part}`);
  const top = run.replaceAll(' ', '-');
  expect(file.suggestedFilename()).toBe(part === 'model' ? `${top}.zip` : `${top}-run.zip`);
  const files: Record<string, Uint8Array> = unzipSync(readFileSync(await file.path()));
  for (const [name, bytes] of Object.entries(files)) {
    const path = join(folder, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, bytes);
  }
  return join(folder, top);
}

const evaluated = async (run: string) => {
  const policy = { kind: 'model', name: run, device: 'cpu', temperature: 0, maxCompletionLength: 4 } as const;
  const game = { ...GAME, config: await configOf(run) };
  const request = { type: 'evaluate', game, policy, episodes: 20, seed: 5 } as const;
  const answer = await opened.page.evaluate((request) => globalThis.ludic.ask(request), request);
  return answer.evaluation;
};

/** By the command line, as `evaluated` does in the page. */
function evaluate(folder: string, config: object): string {
  const policy = ['--temperature', '0', '--max-completion-length', '4'];
  const game = ['--env', GAME.environment, '--env-config', JSON.stringify(config)];
  return cli('evaluate', '--model', folder, ...policy, ...game, '--episodes', '20', '--seed', '5', '--json');
}

function cli(...given: string[]): string {
  const { status, stdout, stderr } = spawnSync(process.execPath, [CLI, ...given], { encoding: 'utf8' });
  expect(status, stderr).toBe(0);
  return stdout;
}
