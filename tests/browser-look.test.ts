// How the page looks: every view, light and dark, wide and narrow, as pictures to be looked at, and by the rules of
// accessibility that a machine can check. LUDIC_SCREENS names the folder of the pictures.

import { mkdirSync, mkdtempSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CHROMIUM, hasChromium, launch, type ServedPage, servePage, watchedPage } from './browser/page.ts';

const VIEWS = ['Evaluate', 'Watch', 'Play', 'Train', 'Jobs'] as const;
const SIZES = { wide: { width: 1200, height: 900 }, narrow: { width: 390, height: 844 } } as const;
const screens = process.env.LUDIC_SCREENS ?? mkdtempSync(join(tmpdir(), 'ludic-screens-'));

interface Violation {
  readonly id: string;
  readonly impact: string | null;
  readonly nodes: readonly { readonly html: string }[];
}

/** What a view shows when somebody has used it. */
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
  let axe = '';
  beforeAll(async () => {
    mkdirSync(screens, { recursive: true });
    axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
    served = await servePage();
    browser = await launch();
  }, 120_000);
  afterAll(async () => {
    await browser?.close();
    served?.close();
  });

  for (const colorScheme of ['light', 'dark'] as const) {
    for (const [size, viewport] of Object.entries(SIZES)) {
      it(`${colorScheme}, ${size}: fits, and axe finds nothing serious`, async () => {
        // The checker is no part of the page, so the page's policy does not speak of it.
        const context = await browser.newContext({ colorScheme, viewport, bypassCSP: true });
        const { page } = await watchedPage(context, served.origin);
        await page.goto(served.origin);
        await page.getByText('WebAssembly').waitFor();
        for (const name of VIEWS) {
          await page.getByRole('tab', { name }).click();
          // One look at used views is enough for the eye; the rules hold for all.
          if (size === 'wide') await USE[name]?.(page);
          await page.evaluate(axe);
          const violations = (await page.evaluate(async () => {
            const { axe } = globalThis as unknown as { axe: { run(): Promise<{ violations: unknown }> } };
            return (await axe.run()).violations;
          })) as readonly Violation[];
          const serious = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
          expect
            .soft(
              serious.map(({ id, nodes }) => `${name}: ${id}: ${nodes[0]!.html.slice(0, 160)}`),
              name,
            )
            .toEqual([]);
          const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
          expect.soft(overflow, `${name} scrolls sideways`).toBeLessThanOrEqual(0);
          const path = join(screens, `${name.toLowerCase()}-${colorScheme}-${size}.png`);
          await page.screenshot({ path, animations: 'disabled' });
        }
        await context.close();
      }, 120_000);
    }
  }
});
