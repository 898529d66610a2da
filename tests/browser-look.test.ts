// How the page looks: every view, light and dark, wide and narrow, by the rules of `browser/look.ts`.

import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { expectGoodLook, LOOKS, openLook } from './browser/look.ts';
import { CHROMIUM, hasChromium, launch, type ServedPage, servePage } from './browser/page.ts';

const VIEWS = ['Evaluate', 'Watch', 'Play', 'Train', 'Jobs'] as const;

/** What a view shows after it was used. */
const USE: Partial<Record<(typeof VIEWS)[number], (page: Page) => Promise<void>>> = {
  async Evaluate(page) {
    const view = page.getByRole('tabpanel', { name: 'Evaluate' });
    await view.getByLabel('Games').fill('40');
    await view.getByRole('button', { name: 'Evaluate' }).click();
    await view.getByRole('table').first().waitFor();
  },
  async Watch(page) {
    const view = page.getByRole('tabpanel', { name: 'Watch' });
    await view.getByRole('button', { name: 'Watch', exact: true }).click();
    await view.getByRole('slider').first().waitFor();
  },
  async Play(page) {
    const view = page.getByRole('tabpanel', { name: 'Play' });
    await view.getByRole('button', { name: 'New game' }).click();
    await view.getByRole('button', { name: 'Show a hint' }).click();
    await view.getByText('In your place').waitFor();
  },
};

describe.skipIf(!hasChromium)(`the look of the page (needs Chromium at ${CHROMIUM})`, () => {
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

  for (const look of LOOKS) {
    it(`${look.colorScheme}, ${look.size}: fits, and axe finds nothing serious`, async () => {
      const page = await openLook(browser, served.origin, look);
      await page.goto(served.origin);
      await page.getByText('WebAssembly').waitFor();
      for (const name of VIEWS) {
        await page.getByRole('tab', { name }).click();
        // One look at used views is enough for the eye; the rules hold for all.
        if (look.size === 'wide') await USE[name]?.(page);
        await expectGoodLook(page, name.toLowerCase(), look);
      }
      await page.context().close();
    }, 120_000);
  }
});
