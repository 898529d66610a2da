// The page in a real browser, for all tests of it: built once, served, opened, and watched for what it must not have.

import { closeSync, existsSync, openSync, rmSync, statSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { builtPage } from '../../apps/cli/src/built-page.ts';
import { serveFolder } from '../../apps/cli/src/static-files.ts';
import type { Engine } from '../../apps/evaluator/src/engine/client.ts';

declare global {
  /** The engine, as the page gives it to the console. */
  var ludic: Engine;
  /** GPU devices that a test may destroy. */
  var gpus: GPUDevice[];
}

export const CHROMIUM = '/usr/bin/chromium';
export const hasChromium = existsSync(CHROMIUM);

export interface OpenedPage {
  readonly browser: Browser;
  readonly context: BrowserContext;
  readonly page: Page;
  readonly origin: string;
  /** What the page must not have: words on its console, uncaught errors, requests to elsewhere. */
  readonly blemishes: string[];
  readonly close: () => Promise<void>;
}

export async function openPage(path = ''): Promise<OpenedPage> {
  const server = await serveFolder(await builtOnce());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const browser = await chromium.launch({
    executablePath: CHROMIUM,
    args: [
      '--enable-unsafe-webgpu',
      '--no-sandbox',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--no-first-run',
    ],
  });
  const context = await browser.newContext();
  const blemishes: string[] = [];
  const page = await context.newPage();
  page.on('console', (message) => blemishes.push(`console ${message.type()}: ${message.text()}`));
  page.on('pageerror', (error) => blemishes.push(`uncaught: ${error.message}`));
  page.on('request', (request) => {
    const url = request.url();
    if (!url.startsWith(`${origin}/`) && !url.startsWith(`blob:${origin}/`)) blemishes.push(`asks elsewhere: ${url}`);
  });
  await page.goto(`${origin}/${path}`);
  await page.getByText('WebAssembly').waitFor();
  const close = async () => {
    await browser.close();
    server.closeAllConnections();
    server.close();
  };
  return { browser, context, page, origin, blemishes, close };
}

/** Files of tests run in processes of their own: one of them builds, the others wait for it. */
async function builtOnce(): Promise<string> {
  const lock = join(tmpdir(), `ludic-page-${process.ppid}.lock`);
  for (;;) {
    try {
      closeSync(openSync(lock, 'wx'));
    } catch {
      // Whoever held it for so long is gone.
      const age = Date.now() - (statSync(lock, { throwIfNoEntry: false })?.mtimeMs ?? Date.now());
      if (age > 60_000) rmSync(lock, { force: true });
      await sleep(100);
      continue;
    }
    try {
      return await builtPage();
    } finally {
      rmSync(lock, { force: true });
    }
  }
}
