// How training looks while it runs, paused, with its games open and after it was compared: light and dark, wide and narrow.

import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { expectGoodLook, LOOKS, openLook } from './browser/look.ts';
import { CHROMIUM, hasChromium, launch, type ServedPage, servePage } from './browser/page.ts';

const view = (page: Page) => page.getByRole('tabpanel', { name: 'Train' });

/** Small enough to be trained four times. */
async function fill(page: Page, steps: number): Promise<void> {
  const form = view(page).getByRole('form', { name: 'What to train' });
  await form.getByLabel('Steps', { exact: true }).fill(String(steps));
  await form.getByLabel('Games a step').fill('8');
  await form.getByLabel('Group', { exact: true }).fill('4');
}

describe.skipIf(!hasChromium)(`the look of training (needs Chromium at ${CHROMIUM})`, () => {
  let served: ServedPage;
  let browser: Browser;
  beforeAll(async () => {
    served = await servePage();
    browser = await launch();
  }, 120_000);
  afterAll(async () => {
    await browser?.close();
    served?.close();
  });

  it.each(LOOKS)(
    '$colorScheme, $size: fits, and axe finds nothing serious',
    async (look) => {
      const page = await openLook(browser, served.origin, look);
      await page.goto(`${served.origin}/#train`);
      await page.getByText('WebAssembly').waitFor();
      await fill(page, 1000);
      await view(page).getByRole('button', { name: 'Train', exact: true }).click();
      await view(page)
        .getByRole('img', { name: /^Reward after ([3-9]|\d\d+) steps/ })
        .waitFor();
      await expectGoodLook(page, 'train-running', look, true);
      await view(page).getByRole('button', { name: 'Pause' }).click();
      await view(page).getByText('Paused after step').waitFor();
      const games = view(page).getByRole('region', { name: 'Games of a step' });
      await games.getByRole('slider').fill('1');
      await games.getByRole('heading', { name: 'Games of step 2 that' }).waitFor();
      await games.getByText('What all of them saw first').click();
      await expectGoodLook(page, 'train-paused', look, true);
      const comparison = view(page).getByRole('form', { name: 'Before and after' });
      await comparison.getByLabel('Games').fill('20');
      await comparison.getByRole('button', { name: 'Compare' }).click();
      await comparison.getByText('Game by game the success changed by').waitFor();
      const form = view(page).getByRole('form', { name: 'What to train' });
      await form.getByLabel('Trained weights').selectOption('adapter');
      await form.getByText('All settings of training').click();
      await form.getByLabel('lora targets').waitFor();
      await expectGoodLook(page, 'train-compared', look, true);
      await page.context().close();
    },
    120_000,
  );
});
