// The page in Chromium, for the tests of its views: built once, served as `ludic evaluator` serves it, and watched for
// what it must not do.

import { existsSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { builtPage } from '../../apps/cli/src/built-page.ts';
import { serveFolder } from '../../apps/cli/src/static-files.ts';
import type { Engine } from '../../apps/evaluator/src/engine/client.ts';

declare global {
  /** The engine, as the page gives it to the console. */
  var ludic: Engine;
}

const CHROMIUM = '/usr/bin/chromium';
export const hasChromium = existsSync(CHROMIUM);

export const launch = (): Promise<Browser> =>
  chromium.launch({
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

export interface ServedPage {
  readonly origin: string;
  close(): void;
}

export async function servePage(): Promise<ServedPage> {
  const server = await serveFolder(await builtPage());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** A page whose blemishes are gathered: words on its console, uncaught errors, requests to elsewhere. */
export async function watchedPage(
  context: BrowserContext,
  origin: string,
): Promise<{ page: Page; blemishes: string[] }> {
  const page = await context.newPage();
  const blemishes: string[] = [];
  page.on('console', (message) => blemishes.push(`console ${message.type()}: ${message.text()}`));
  page.on('pageerror', (error) => blemishes.push(`uncaught: ${error.message}`));
  page.on('request', (request) => {
    if (!/^(blob|data):/.test(request.url()) && new URL(request.url()).origin !== origin)
      blemishes.push(`asks elsewhere: ${request.url()}`);
  });
  return { page, blemishes };
}
