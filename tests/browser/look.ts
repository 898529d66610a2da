// What holds for every view of the page, however it is used: axe finds nothing serious, nothing scrolls sideways. Each
// look is also a picture for the eye; LUDIC_SCREENS names the folder of the pictures.

import { mkdirSync, mkdtempSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { expect } from 'vitest';
import { watchedPage } from './page.ts';

export interface Look {
  readonly colorScheme: 'light' | 'dark';
  readonly size: keyof typeof SIZES;
}

const SIZES = { wide: { width: 1200, height: 900 }, narrow: { width: 390, height: 844 } } as const;
export const LOOKS: readonly Look[] = (['light', 'dark'] as const).flatMap((colorScheme) =>
  (['wide', 'narrow'] as const).map((size) => ({ colorScheme, size })),
);
const screens = process.env.LUDIC_SCREENS ?? mkdtempSync(join(tmpdir(), 'ludic-screens-'));

interface Violation {
  readonly id: string;
  readonly impact: string | null;
  readonly nodes: readonly { readonly html: string }[];
}

/** A page that is looked at: its context has to be closed. */
export async function openLook(browser: Browser, origin: string, { colorScheme, size }: Look): Promise<Page> {
  // The checker is no part of the page, so the page's policy does not speak of it.
  const context = await browser.newContext({ colorScheme, viewport: SIZES[size], bypassCSP: true });
  return (await watchedPage(context, origin)).page;
}

/**
 * Softly expects that what the page shows now keeps the rules, and takes its picture.
 * @param name of the picture
 * @param whole the picture shows the page to its end
 */
export async function expectGoodLook(page: Page, name: string, { colorScheme, size }: Look, whole = false) {
  await page.evaluate(await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8'));
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
  mkdirSync(screens, { recursive: true });
  await page.screenshot({
    path: join(screens, `${name}-${colorScheme}-${size}.png`),
    animations: 'disabled',
    fullPage: whole,
  });
}
