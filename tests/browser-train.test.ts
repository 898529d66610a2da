// Training in the page: runs that live in the browser's storage, and what may happen to them. The same runs in Node.

import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Locator } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type StepMetrics, Trainer } from '../packages/grpo/src/index.ts';
import { openLanguageModel } from '../packages/inference/src/index.ts';
import { openModelFolder } from '../packages/models/src/node.ts';
import { NANO_FOLDER } from '../packages/nano/src/index.ts';
import { createRuntime } from '../packages/runtime/src/node.ts';
import { hasChromium, type OpenedPage, openPage } from './browser/page.ts';
import { cli, evaluate, TrainingPage } from './browser/training.ts';

let scratch = '';
let opened: OpenedPage;
let training: TrainingPage;
let view: Locator;
let form: Locator;

describe.skipIf(!hasChromium)('training in the page (needs Chromium at /usr/bin/chromium)', () => {
  beforeAll(async () => {
    scratch = mkdtempSync(join(tmpdir(), 'ludic-train-'));
    opened = await openPage('#train');
    training = new TrainingPage(opened, scratch);
    view = training.view;
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
    await view.getByText('Game settings').click();
    await form.getByLabel('max steps').fill('3');
    await view.getByText('All settings of training').click();
    await form.getByLabel('eval every').fill('4');
    await form.getByLabel('eval episodes').fill('4');
    await form.getByLabel('eval temperature').fill('0');
    await form.getByLabel('save every').fill('2');
    await form.getByLabel('token budget').fill('1024');
    await view.getByRole('button', { name: 'Train', exact: true }).click();
    await view.getByText('The model is saved as nano trained').waitFor();
    const titles = ['Reward', 'Success', 'Entropy', 'Gradient norm', 'Sampler–trainer mismatch', 'Learning rate'];
    for (const title of titles) {
      const curve = view.getByRole('img', { name: new RegExp(`^${title}.*after 8 steps`) });
      await expect.poll(() => curve.locator('canvas').count(), { message: title }).toBe(1);
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
    await training.reload();
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
    const { settings } = await training.contents('nano trained');
    await training.ask('whole', settings, 'done');
    await training.ask('cut', settings, 'learned 5');
    await training.reload();
    const row = view.getByRole('row', { name: /Continue cut/ });
    // It may have gone on before the page was gone; the list tells the step that is stored.
    const saved = await training.steps('cut');
    expect([4, 6]).toContain(saved);
    expect(await row.textContent()).toContain(`${saved} of 8`);
    await row.getByRole('button', { name: 'Continue cut' }).click();
    await view.getByText('The model is saved as cut').waitFor();
    const whole = await training.digest('whole', 'final/model.safetensors');
    expect(whole).toMatch(/^[0-9a-f]{64}$/);
    for (const name of ['cut', 'nano trained'])
      expect(await training.digest(name, 'final/model.safetensors')).toBe(whole);
    expect(await training.digest('whole', 'checkpoints/step-000000/model.safetensors')).not.toBe(whole);

    const trainer = await Trainer.create(
      await openLanguageModel(await openModelFolder(fileURLToPath(NANO_FOLDER)), await createRuntime()),
      settings,
    );
    const curve: StepMetrics[] = [];
    for (let step = 0; step < settings.steps; step++) curve.push((await trainer.runStep()).metrics);
    await trainer.dispose();
    expect(curve.some(({ gradient_norm }) => gradient_norm > 0.1)).toBe(true);
    const { metrics } = await training.contents('cut');
    expect(metrics.map(({ step }) => step)).toEqual(curve.map(({ step }) => step));
    // Eight updates with other roundings: nearly the same numbers.
    for (const [i, expected] of curve.entries())
      for (const [name, value] of Object.entries(expected).filter(([, each]) => typeof each === 'number'))
        expect(
          Math.abs((metrics[i]![name as keyof StepMetrics] as number) - (value as number)),
          `${name} of step ${i + 1}`,
        ).toBeLessThanOrEqual(2e-3 * Math.max(1, Math.abs(Number(value))));
  });

  it('loses nothing that was saved, whenever the page is killed', async () => {
    const { settings } = await training.contents('whole');
    await training.stick('write', 3);
    await training.ask('killed', settings, 'stuck');
    await training.reload();
    expect(await training.steps('killed')).toBeUndefined();
    await training.ask('killed', settings, 'saved 0');
    // In the midst of the moments, and when the folder is whole and not yet pointed to.
    for (const [method, calls] of [
      ['write', 80],
      ['move', 1],
    ] as const) {
      await training.reload();
      const before = await training.steps('killed');
      expect(before, `before ${method} ${calls}`).toBeGreaterThanOrEqual(0);
      await training.stick(method, calls);
      await training.goOn('killed', 'stuck');
      await training.reload();
      expect(await training.steps('killed'), `after ${method} ${calls}`).toBe(before);
    }
    await training.goOn('killed', 'done');
    expect(await training.digest('killed', 'final/model.safetensors')).toBe(
      await training.digest('whole', 'final/model.safetensors'),
    );
  });

  it('is paused and continued', async () => {
    await form.getByLabel('Steps', { exact: true }).fill('1000');
    await form.getByLabel('Games a step').fill('8');
    await form.getByLabel('Group', { exact: true }).fill('4');
    await view.getByRole('button', { name: 'Train', exact: true }).click();
    await view.getByRole('img', { name: /^Reward after ([2-9]|\d\d+) steps/ }).waitFor();
    // What is written meanwhile stays as it is written, key by key.
    const rate = form.getByLabel('Learning rate');
    const before = await rate.inputValue();
    await rate.clear();
    await view.getByRole('img', { name: /^Reward after \d\d+ steps/ }).waitFor();
    expect(await rate.inputValue()).toBe('');
    await rate.pressSequentially('0.0004');
    expect(await rate.inputValue()).toBe('0.0004');
    await rate.fill(before);
    await view.getByRole('button', { name: 'Pause' }).click();
    await view.getByText(/Paused after step \d+\. What was learned is saved/).waitFor();
    const row = view.getByRole('row', { name: /Continue nano trained 2/ });
    const paused = Number(/(\d+) of 1000/.exec((await row.textContent())!)![1]);
    await row.getByRole('button', { name: /Continue/ }).click();
    // Steps are short: which of them are seen is chance, and none may come before the pause.
    const charted = view.getByRole('img', { name: /^Reward after \d+ steps/ });
    const steps = async () => Number(/after (\d+) steps/.exec((await charted.getAttribute('aria-label'))!)![1]);
    expect(await steps()).toBeGreaterThanOrEqual(paused);
    await expect.poll(steps).toBeGreaterThan(paused);
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
    const folder = await training.download('whole', 'model');
    const evaluation = await training.evaluated('whole');
    const { results } = JSON.parse(evaluate(folder, await training.configOf('whole')));
    expect(results.total_episodes).toBe(20);
    expect(results.success_rate).toBe(evaluation.success_rate);
    expect(results.success_ci95).toEqual(evaluation.success_ci95);
    expect(results.mean_reward).toBe(evaluation.mean_reward);
    expect(results.mean_steps).toBe(evaluation.mean_steps);
    expect(results.invalid_rate).toBe(evaluation.invalid_rate);
    expect(JSON.parse(readFileSync(join(folder, 'result.json'), 'utf8')).steps).toBe(8);
  });

  it('is downloaded as a run that the command line goes on with', async () => {
    const { settings, metrics } = await training.contents('whole');
    await training.ask('half', settings, 'learned 5');
    await training.reload();
    const folder = await training.download('half', 'run');
    cli('train', '--out', folder, '--resume', '--json');
    const lines = readFileSync(join(folder, 'metrics.jsonl'), 'utf8').trim().split('\n');
    const steps = lines.map((line) => JSON.parse(line)).filter(({ type }) => type === 'step');
    expect(steps.map(({ step }) => step)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    for (const [i, { mean_reward, entropy }] of metrics.entries()) {
      expect(Math.abs(steps[i].mean_reward - mean_reward)).toBeLessThanOrEqual(1e-3);
      expect(Math.abs(steps[i].entropy - entropy)).toBeLessThanOrEqual(1e-3);
    }
  });

  it('trains an adapter, which is played and downloaded as a model before its run is finished as after it', async () => {
    await form.getByLabel('Trained weights').selectOption('adapter');
    await form.getByLabel('Rank').fill('2');
    expect(await form.getByLabel('Alpha').inputValue()).toBe('4');
    const { settings } = await training.contents('whole');
    const lora = { rank: 2, alpha: 4, targets: [], rankStabilized: false };
    await training.ask('adapter', { ...settings, steps: 6, saveEvery: 1, learningRate: 0.02, lora }, 'saved 1');
    await training.reload();
    const row = view.getByRole('row', { name: /Continue adapter/ });
    expect(await row.textContent()).toMatch(/[1-5] of 6/);
    const compare = async (when: string) => {
      const folder = await training.download('adapter', 'model');
      const { mean_reward, mean_steps, invalid_rate } = await training.evaluated('adapter');
      const { results } = JSON.parse(evaluate(folder, settings.environmentConfig));
      expect(results.mean_reward, when).toBe(mean_reward);
      expect(results.mean_steps).toBe(mean_steps);
      expect(results.invalid_rate).toBe(invalid_rate);
      return readFileSync(join(folder, 'model.safetensors'));
    };
    const paused = await compare('paused');
    await row.getByRole('button', { name: 'Continue adapter' }).click();
    await view.getByText('The model is saved as adapter').waitFor();
    const finished = await compare('finished');
    expect(paused.length).toBe(finished.length);
    expect(paused.equals(finished)).toBe(false);
    const first = readFileSync(new URL('model.safetensors', NANO_FOLDER));
    expect(paused.equals(first)).toBe(false);
    const folder = await training.download('adapter', 'run');
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
    await training.reload();
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
    await view.getByText('The model is saved as nano trained 3').waitFor();
    const row = view.getByRole('row', { name: /nano trained 3/ });
    expect(await row.textContent()).toContain('the rest is in memory');
    expect(await row.textContent()).toContain('4 of 4');
    // It is whole as long as the page is open.
    const folder = await training.download('nano trained 3', 'model');
    expect(JSON.parse(readFileSync(join(folder, 'result.json'), 'utf8')).steps).toBe(4);
    await devtools.send('Storage.overrideQuotaForOrigin', { origin });
    await training.reload();
    expect(await row.textContent()).toMatch(/[01] of 4/);
    await row.getByRole('button', { name: /Continue/ }).click();
    await view.getByText('The model is saved as nano trained 3').waitFor();
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
    await view.getByRole('img', { name: /^Reward after [1-3] steps/ }).waitFor({ timeout: 120_000 });
    await worker!.evaluate(() => globalThis.gpus.at(-1)!.destroy());
    await view.getByRole('alert').getByText('The GPU is lost').waitFor();
    await view.getByText('it can be continued, on any device').waitFor();
    await form.getByLabel('Compute on').selectOption('cpu');
    await view.getByRole('button', { name: 'Continue nano trained 4' }).click();
    await view.getByText('The model is saved as nano trained 4').waitFor();
  }, 180_000);

  it('has nothing on its console and asks no other server', () => {
    expect(opened.blemishes).toEqual([]);
  });
});
