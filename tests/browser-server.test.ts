// The page and one server: signed in once for all views, models as they are there now, and jobs that have an address.

import { createHash, randomBytes } from 'node:crypto';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type { Browser, BrowserContext, Locator, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { builtPage } from '../apps/cli/src/evaluator/built-page.ts';
import type { Progress } from '../apps/evaluator/src/engine/protocol.ts';
import { NANO_FOLDER } from '../packages/nano/src/index.ts';
import type { Job, Model } from '../packages/service/src/index.ts';
import { hasChromium, launch, watchedPage } from './browser/page.ts';
import { ServerProcess } from './browser/server.ts';

const PASSWORD = 'correct hörse';
const SMALL = {
  model_name: 'nano',
  env_type: 'tic_tac_toe',
  batch_size: 8,
  group_size: 4,
  max_completion_length: 4,
  tensor_parallel_size: 1,
  learning_rate: 1e-3,
  eval_every: 0,
};

let scratch = '';
let server: ServerProcess;
let browser: Browser;
let context: BrowserContext;
let page: Page;
let blemishes: string[];
let jobs: Locator;
let evaluate: Locator;
let shelf: Locator;
/** By the names of their models. */
const ids: Record<string, string> = {};

async function ask<T>(path: string, { body, method = body ? 'POST' : 'GET' }: { body?: object; method?: string } = {}) {
  const response = await fetch(server.url + path, {
    method,
    // A header is bytes: those of UTF-8.
    headers: {
      authorization: `Bearer ${Buffer.from(PASSWORD).toString('latin1')}`,
      'content-type': 'application/json',
    },
    ...(body && { body: JSON.stringify(body) }),
  });
  expect(response.ok, path).toBe(true);
  return (await response.json()) as T;
}

async function train(name: string, more: object): Promise<void> {
  const started = await ask<{ job_id: string }>('/start-training', { body: { ...SMALL, output_dir: name, ...more } });
  ids[name] = started.job_id;
}

const ended = async (name: string) => {
  for (;;) {
    const { status, reason } = await ask<Job>(`/jobs/${ids[name]}`);
    if (status === 'completed') return;
    expect(status, String(reason)).not.toBe('failed');
    await setTimeout(200);
  }
};

const tab = (name: string) => page.getByRole('tab', { name });
const heading = (name: string) => jobs.getByRole('heading', { name, exact: true });
const inList = (name: string) => jobs.getByRole('navigation', { name: 'Jobs' }).getByRole('button', { name });
const policy = () => evaluate.getByLabel('Policy', { exact: true });
const hash = () => page.evaluate(() => location.hash);

function look(at: Page): void {
  jobs = at.getByRole('tabpanel', { name: 'Jobs' });
  evaluate = at.getByRole('tabpanel', { name: 'Evaluate' });
  shelf = evaluate.getByRole('region', { name: 'From a Ludic server' });
}

async function signInToJobs(password = PASSWORD, keep = false): Promise<void> {
  await jobs.getByLabel('Password').fill(password);
  if (keep) await jobs.getByLabel('Stay signed in until this tab closes').check();
  await jobs.getByRole('button', { name: 'Sign in' }).click();
}

const openShelf = async () => {
  const details = evaluate.locator('details.library');
  if ((await details.getAttribute('open')) === null) await details.locator('summary').click();
};

/** SHA-256 of what is kept in the browser of a model's weights; undefined where that is nothing. */
const kept = (name: string) =>
  page.evaluate(async (model) => {
    const place = `/kept-models/${encodeURIComponent(model)}/model.safetensors`;
    const found = await (await caches.open('ludic-models')).match(place);
    if (!found) return undefined;
    const digest = await crypto.subtle.digest('SHA-256', await found.arrayBuffer());
    return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  }, `${name} on ${server.url}`);

const ofServer = (name: string) =>
  createHash('sha256')
    .update(readFileSync(join(scratch, 'models', name, 'final', 'model.safetensors')))
    .digest('hex');

const replies = (name: string) =>
  page.evaluate(
    async (model) =>
      (
        await globalThis.ludic.ask({
          type: 'evaluate',
          game: { environment: 'tic_tac_toe', config: {}, history: 'NO_HISTORY' },
          policy: { kind: 'model', name: model, device: 'cpu', temperature: 0, maxCompletionLength: 8 },
          episodes: 4,
          seed: 1,
        })
      ).evaluation.total_episodes,
    `${name} on ${server.url}`,
  );

describe.skipIf(!hasChromium)('the page and a server (needs Chromium at /usr/bin/chromium)', () => {
  beforeAll(async () => {
    scratch = mkdtempSync(join(tmpdir(), 'ludic-server-'));
    server = await ServerProcess.start(scratch, await builtPage(), PASSWORD);
    await train('first', { max_steps: 1, eval_episodes: 1 });
    await train('second', { max_steps: 1, eval_episodes: 1 });
    browser = await launch();
    context = await browser.newContext();
    ({ page, blemishes } = await watchedPage(context, server.url));
    page.setDefaultTimeout(20_000);
    await Promise.all([ended('first'), ended('second'), page.goto(server.url)]);
    look(page);
  }, 120_000);

  afterAll(async () => {
    await browser?.close();
    await server?.end();
    rmSync(scratch, { recursive: true, force: true });
  });

  describe('signed in', () => {
    it('where models come from, it is signed in to the jobs', async () => {
      const asked: string[] = [];
      page.on('request', (request) => asked.push(request.url()));
      await openShelf();
      await shelf.getByLabel('Address').fill(`${server.url}/`);
      await shelf.getByLabel('Password').fill(PASSWORD);
      await shelf.getByRole('button', { name: 'Sign in' }).click();
      await shelf.getByRole('button', { name: 'Load second' }).waitFor();
      // What speaks to servers comes with the jobs.
      expect(asked.filter((url) => /dashboard/.test(url))).toEqual([]);
      await tab('Jobs').click();
      await heading('second').waitFor();
      expect(asked.filter((url) => /dashboard/.test(url))).not.toEqual([]);
      expect(await page.evaluate(() => JSON.stringify({ ...sessionStorage, ...localStorage }))).not.toContain('rse');
    });

    it('out there, it is signed out everywhere', async () => {
      await tab('Evaluate').click();
      await shelf.getByRole('button', { name: 'Sign out' }).click();
      await shelf.getByLabel('Password').waitFor();
      expect(await shelf.getByRole('button', { name: 'Load second' }).count()).toBe(0);
      await tab('Jobs').click();
      expect(await jobs.getByLabel('Server', { exact: true }).inputValue()).toBe(server.url);
      expect(await jobs.getByRole('alert').count()).toBe(0);
    });

    it('to the jobs, it has the models without being asked again, over a reload where that was wanted', async () => {
      await signInToJobs(PASSWORD, true);
      await heading('second').waitFor();
      await tab('Evaluate').click();
      await shelf.getByRole('button', { name: 'Load first' }).waitFor();
      await page.reload();
      await tab('Evaluate').click();
      await openShelf();
      await shelf.getByRole('button', { name: 'Load first' }).waitFor();
      await tab('Jobs').click();
      await heading('second').waitFor();
    });
  });

  it('gives the job that is looked at most of the width', async () => {
    const { width } = (await jobs.getByRole('article').boundingBox())!;
    expect(width).toBeGreaterThan(0.5 * page.viewportSize()!.width);
  });

  describe('the address', () => {
    it('follows the job that is looked at, over other views as well', async () => {
      await expect.poll(hash).toBe(`#jobs?job=${ids.second}`);
      await inList('first').click();
      await expect.poll(hash).toBe(`#jobs?job=${ids.first}`);
      await tab('Play').click();
      expect(await hash()).toBe('#play');
      await tab('Jobs').click();
      await expect.poll(hash).toBe(`#jobs?job=${ids.first}`);
      await jobs.getByRole('button', { name: 'New training' }).click();
      await expect.poll(hash).toBe('#jobs');
      await page.evaluate((id) => {
        location.hash = `#jobs?job=${id}`;
      }, ids.second);
      await heading('second').waitFor();
    });

    it('opens its job after signing in', async () => {
      const { page: other } = await watchedPage(await browser.newContext(), server.url);
      other.setDefaultTimeout(20_000);
      await other.goto(`${server.url}/#jobs?job=${ids.first}`);
      look(other);
      await signInToJobs();
      await heading('first').waitFor();
      expect(await other.evaluate(() => location.hash)).toBe(`#jobs?job=${ids.first}`);
      await other.context().close();
      look(page);
    });

    it('of a job that is not there is told so', async () => {
      for (const id of ['no-such-job', '..']) {
        await page.evaluate((job) => {
          location.hash = `#jobs?job=${job}`;
        }, id);
        await jobs.getByText(`There is no job ${id} on this server`).waitFor();
      }
      await inList('first').click();
      await heading('first').waitFor();
    });

    it('of a job too old for the list opens it all the same', async () => {
      await page.route(/\/jobs\?limit=200/, async (route) => {
        const answer = await (await route.fetch()).json();
        await route.fulfill({ json: { jobs: answer.jobs.filter(({ job_id }: Job) => job_id !== ids.first) } });
      });
      await page.goto(`${server.url}/#jobs`);
      await page.goto(`${server.url}/#jobs?job=${ids.first}`);
      await page.reload();
      await heading('first').waitFor();
      await inList('second').waitFor();
      await page.unroute(/\/jobs\?limit=200/);
    });
  });

  describe('a model', () => {
    it('is that of the server now, though one of its name is kept', async () => {
      await jobs.getByRole('button', { name: 'Open in Evaluate' }).click();
      await expect.poll(() => policy().inputValue()).toBe(`model:first on ${server.url}`);
      const before = ofServer('first');
      expect(await kept('first')).toBe(before);
      await ask<Model>('/models/first', { method: 'DELETE' });
      await train('first', { max_steps: 1, eval_episodes: 1, seed: 5 });
      await ended('first');
      expect(ofServer('first')).not.toBe(before);
      await tab('Jobs').click();
      await page.evaluate((id) => {
        location.hash = `#jobs?job=${id}`;
      }, ids.first);
      await expect.poll(hash).toBe(`#jobs?job=${ids.first}`);
      await jobs.getByRole('button', { name: 'Open in Evaluate' }).click();
      await expect.poll(() => kept('first')).toBe(ofServer('first'));
      await expect.poll(hash).toMatch(/^#evaluate/);
      expect(await replies('first')).toBe(4);
    });

    it('of a job that runs is that of its last checkpoint', async () => {
      await train('third', { max_steps: 5000, save_every: 2, batch_size: 512 });
      await tab('Jobs').click();
      await inList('third').click();
      await jobs.getByRole('article').getByText('running', { exact: true }).waitFor();
      const checkpointed = async () => (await ask<Model>('/models/third')).status !== 'empty';
      await expect.poll(checkpointed, { timeout: 60_000 }).toBe(true);
      await jobs.getByRole('button', { name: 'Open in Evaluate' }).click();
      await expect.poll(() => policy().inputValue(), { timeout: 60_000 }).toBe(`model:third on ${server.url}`);
      expect(await replies('third')).toBe(4);
      await ask(`/jobs/${ids.third}/cancel`, { body: {} });
    });

    it('goes on where it was when the server dies and comes back meanwhile', async () => {
      const folder = join(scratch, 'models', 'large');
      cpSync(NANO_FOLDER, folder, { recursive: true });
      const weights = randomBytes(96 * 2 ** 20);
      writeFileSync(join(folder, 'model.safetensors'), weights);
      const ranges: (string | undefined)[] = [];
      page.on('request', (request) => {
        if (request.url().endsWith('/large/model.safetensors')) ranges.push(request.headers().range);
      });
      let again: Promise<void> | undefined;
      const kill = () => (again ??= server.kill().then(() => server.startAgain()));
      await page.exposeFunction('halfHere', () => void kill());
      await page.evaluate(
        async ([address, password]) => {
          const { ludic, halfHere } = globalThis as typeof globalThis & { halfHere: () => void };
          const source = { from: 'server', address, password } as const;
          const listing = (await ludic.ask({ type: 'browse', source })).find(({ title }) => title === 'large')!;
          const onProgress = (progress: Progress) => {
            if (progress.stage === 'loading' && progress.loaded > 2 ** 20) halfHere();
          };
          await ludic.ask({ type: 'load', source, listing, device: 'cpu' }, { onProgress });
        },
        [server.url, PASSWORD] as const,
      );
      await again;
      expect(ranges[0]).toBeUndefined();
      expect(ranges.length).toBeGreaterThan(1);
      expect(Number(/^bytes=(\d+)-$/.exec(ranges.at(-1)!)![1])).toBeGreaterThanOrEqual(2 ** 20);
      expect(await kept('large')).toBe(createHash('sha256').update(weights).digest('hex'));
      await page.evaluate((name) => globalThis.ludic.ask({ type: 'remove', name }), `large on ${server.url}`);
    }, 60_000);

    it('is not waited for after signing out', async () => {
      const slow = Promise.withResolvers<void>();
      await page.route('**/models/second/model.safetensors', async (route) => {
        await slow.promise;
        await route.continue().catch(() => {});
      });
      await tab('Jobs').click();
      await inList('second').click();
      await jobs.getByRole('button', { name: 'Open in Evaluate' }).click();
      await jobs.getByRole('progressbar').first().waitFor();
      await jobs.getByRole('button', { name: 'Sign out' }).click();
      slow.resolve();
      await signInToJobs();
      await heading('second').waitFor();
      expect(await tab('Jobs').getAttribute('aria-selected')).toBe('true');
      const { cards } = await page.evaluate(() => globalThis.ludic.ask({ type: 'models' }));
      expect(cards.map(({ name }) => name)).not.toContain(`second on ${server.url}`);
      await page.unroute('**/models/second/model.safetensors');
    });

    it('that finds no room is played all the same, and both views say that it is not kept', async () => {
      const session = await context.newCDPSession(page);
      await session.send('Storage.overrideQuotaForOrigin', { origin: server.url, quotaSize: 1000 });
      await tab('Jobs').click();
      await inList('second').click();
      await jobs.getByRole('button', { name: 'Open in Evaluate' }).click();
      const sentence = `The browser's storage is full: second on ${server.url} is not stored`;
      await evaluate.getByText(sentence).waitFor();
      expect(await replies('second')).toBe(4);
      expect(await kept('second')).toBeUndefined();
      await tab('Jobs').click();
      await jobs.getByText(sentence).waitFor();
      await session.send('Storage.overrideQuotaForOrigin', { origin: server.url });
    });

    it('that cannot fit is not asked for, and the page of its job says so', async () => {
      const place = join(scratch, 'models', 'second', 'final', 'config.json');
      const config = readFileSync(place, 'utf8');
      const huge = { hidden_size: 8192, intermediate_size: 32_768, num_hidden_layers: 80 };
      writeFileSync(place, JSON.stringify({ ...JSON.parse(config), ...huge }));
      const asked: string[] = [];
      page.on('request', (request) => asked.push(request.url()));
      await jobs.getByRole('button', { name: 'Open in Evaluate' }).click();
      await jobs
        .getByRole('alert')
        .getByText(/second .* is too large for this page and was not downloaded: its weights take/)
        .waitFor();
      expect(asked.filter((url) => url.endsWith('.safetensors'))).toEqual([]);
      writeFileSync(place, config);
    });
  });

  it('is signed out everywhere when its password is no longer taken', async () => {
    await tab('Evaluate').click();
    await openShelf();
    await shelf.getByRole('button', { name: 'Load second' }).waitFor();
    await server.kill();
    await server.startAgain('another one');
    // The view that asks first is told.
    await shelf.getByRole('button', { name: 'Load second' }).click();
    await shelf.getByLabel('Password').waitFor();
    await shelf
      .getByRole('alert')
      .getByText(/password/)
      .waitFor();
    await tab('Jobs').click();
    await jobs.getByLabel('Password').waitFor();
    await jobs
      .getByRole('alert')
      .getByText(/password/)
      .waitFor();
    expect(await page.evaluate(() => sessionStorage.length)).toBe(0);
    await signInToJobs('another one');
    await inList('second').waitFor();
  }, 60_000);

  it('has nothing on its console but what the browser writes, and asks no other server', () => {
    const itsOwn =
      /^console error: Failed to load resource: (the server responded with a status of (400|401|404|429) |net::ERR_(CONNECTION_|INCOMPLETE_CHUNKED|EMPTY_RESPONSE))/;
    expect(blemishes.filter((blemish) => !itsOwn.test(blemish))).toEqual([]);
  });
});
