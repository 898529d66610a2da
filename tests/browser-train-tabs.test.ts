// Training where others look on: a second tab, and a view that plays the model meanwhile.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Locator } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Progress } from '../apps/evaluator/src/engine/protocol.ts';
import { hasChromium, type OpenedPage, openPage } from './browser/page.ts';
import { GAME, SETTINGS, TrainingPage } from './browser/training.ts';

let scratch = '';
let opened: OpenedPage;
let training: TrainingPage;
let view: Locator;

describe.skipIf(!hasChromium)('training that others look at (needs Chromium at /usr/bin/chromium)', () => {
  beforeAll(async () => {
    scratch = mkdtempSync(join(tmpdir(), 'ludic-train-tabs-'));
    opened = await openPage('#train');
    training = new TrainingPage(opened, scratch);
    view = training.view;
  }, 120_000);

  afterAll(async () => {
    await opened?.close();
    rmSync(scratch, { recursive: true, force: true });
  });

  it('works on a run once at a time', async () => {
    const { page, context, origin } = opened;
    await training.ask('shared', { ...SETTINGS, steps: 500 }, 'learned 1');
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
    await training.reload();
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
    const last = (await training.steps('seen'))!;
    expect(last).toBeGreaterThanOrEqual(5);
    expect(await seen()).toEqual([last, false]);
    const next = last - (last % 5) + 5;
    await training.goOn('seen', `saved ${next}`);
    expect((await seen())![0]).toBeGreaterThanOrEqual(next);
    await training.reload();
    await other.evaluate(() => globalThis.ludic.ask({ type: 'delete', run: 'seen' }));
    // The list may be read anew before the click: then the run has left it already.
    const download = view.getByRole('button', { name: 'Download the model seen', exact: true });
    const isClicked = await download.click({ timeout: 5000 }).then(
      () => true,
      () => false,
    );
    if (isClicked)
      await view.getByText('The run seen is no longer in this browser: perhaps another tab deleted it.').waitFor();
    await view.getByRole('button', { name: 'seen', exact: true }).waitFor({ state: 'detached' });
    await other.close();
    await page.bringToFront();
  });

  it('is opened in the game that it was trained in, by every view, and what differs is said', async () => {
    const { page } = opened;
    const form = view.getByRole('form', { name: 'What to train' });
    await form.getByLabel('Game', { exact: true }).selectOption('key_door');
    for (const [label, value] of [
      ['Steps', '2'],
      ['Games a step', '8'],
      ['Group', '4'],
    ] as const)
      await form.getByLabel(label, { exact: true }).fill(value);
    await view.getByText('Game settings').click();
    await form.getByLabel('max steps').fill('5');
    await view.getByText('All settings of training').click();
    await form.getByLabel('eval episodes').fill('4');
    await view.getByRole('button', { name: 'Train', exact: true }).click();
    await view.getByText('The model is saved as nano trained').waitFor({ timeout: 120_000 });
    const run = view.getByRole('region', { name: 'Run nano trained' });
    await run.getByText('KeyDoor 3×3, 8 games a step').waitFor();
    await run.getByText('4 games at temperature 1').waitFor();
    const { config } = (await training.contents('nano trained')).summary.game;

    const open = async (name: string, policy: string, option: string) => {
      await page.getByRole('tab', { name }).click();
      const other = page.getByRole('tabpanel', { name });
      await other.getByLabel(policy, { exact: true }).first().selectOption(option);
      await expect.poll(() => other.getByLabel('Game', { exact: true }).inputValue()).toBe('key_door');
      await other.getByText('Game settings').click();
      expect(await other.getByLabel('size').inputValue()).toBe(String(config.size));
      expect(await other.getByRole('button', { name: 'Take its game' }).count()).toBe(0);
      return other;
    };
    const evaluate = await open('Evaluate', 'Policy', 'model:nano trained');
    // As its own evaluations were, with the same number.
    expect(await evaluate.getByLabel('Temperature').inputValue()).toBe('1');
    await evaluate.getByLabel('Games').fill('4');
    await evaluate.getByRole('button', { name: 'Evaluate', exact: true }).click();
    const match = evaluate.getByRole('region', { name: 'KeyDoor 3×3, 4 games' });
    await match.getByText('temperature 1').first().waitFor();
    await evaluate.getByLabel('size').fill('4');
    await evaluate.getByText('The model was trained with size 3; this is size 4.').waitFor();
    await evaluate.getByRole('button', { name: 'Take its game' }).click();
    await expect.poll(() => evaluate.getByLabel('size').inputValue()).toBe('3');

    const watch = await open('Watch', 'Policy', 'model:nano trained');
    expect(await watch.getByLabel('Temperature').inputValue()).toBe('1');
    const play = await open('Play', 'Against', 'model:nano trained');
    await play.getByRole('button', { name: 'New game' }).click();
    await play.getByRole('region', { name: 'Your game' }).waitFor();
    await page.getByRole('tab', { name: 'Train' }).click();
  }, 180_000);

  it('has nothing on its console and asks no other server', () => {
    expect(opened.blemishes).toEqual([]);
  });
});
