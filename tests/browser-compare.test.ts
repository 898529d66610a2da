// The view that compares, and the places that its models come from: the numbers of the command line, and a sentence for
// everything that can go wrong on the way.

import { createHash } from 'node:crypto';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Browser, BrowserContext, Locator, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runLudic } from '../apps/cli/testing/run-ludic.ts';
import type { Answers, Progress } from '../apps/evaluator/src/engine/protocol.ts';
import { type EvaluationSpec, evaluationLink } from '../apps/evaluator/src/evaluate/evaluation-spec.ts';
import { hashPassword } from '../apps/server/src/auth/hash.ts';
import { createLogger } from '../apps/server/src/http/access-log.ts';
import { type Server, serve } from '../apps/server/src/index.ts';
import { findEnvironment, resolveConfig } from '../packages/environments/src/index.ts';
import { openLanguageModel } from '../packages/inference/src/index.ts';
import { openModelFolder } from '../packages/models/src/node.ts';
import { NANO_FOLDER } from '../packages/nano/src/index.ts';
import { LanguageModelPolicy, scriptedPolicy } from '../packages/policies/src/index.ts';
import { evaluationStarts, pairedDifference, playEpisodes } from '../packages/rollouts/src/index.ts';
import { createRuntime } from '../packages/runtime/src/node.ts';
import { hasChromium, launch, type ServedPage, servePage, watchedPage } from './browser/page.ts';
import { openHub, openOddServer, type Shop } from './browser/shops.ts';

const PASSWORD = 'correct horse';
const nanoFolder = fileURLToPath(NANO_FOLDER);
const SETTING: EvaluationSpec = {
  environment: 'tic_tac_toe',
  config: { opponent: 'random' },
  policies: [
    { kind: 'model', name: 'nano', history: 'NO_HISTORY' },
    { kind: 'model', name: 'nano', history: 'SCRATCHPAD' },
    { kind: 'scripted', name: 'random', history: 'NO_HISTORY' },
    { kind: 'scripted', name: 'expert', history: 'NO_HISTORY' },
  ],
  episodes: 12,
  seed: 3,
  temperature: 0,
  maxCompletionLength: 8,
  device: 'cpu',
};

let scratch = '';
let served: ServedPage;
let server: Server;
let hub: Shop;
let odd: Shop;
let browser: Browser;
let context: BrowserContext;
let page: Page;
let blemishes: string[] = [];
let view: Locator;
/** What was sent where the page must ask no other server. */
const elsewhere = () => blemishes.filter((one) => one.startsWith('asks elsewhere'));

describe.skipIf(!hasChromium)('the view that compares (needs Chromium at /usr/bin/chromium)', () => {
  beforeAll(async () => {
    scratch = mkdtempSync(join(tmpdir(), 'ludic-compare-'));
    served = await servePage();
    const exported = runLudic('export', '--out', join(scratch, 'hub'), '--dtype', 'fp32,q4');
    server = await serve({
      version: '0',
      dataFolder: join(scratch, 'data'),
      host: '127.0.0.1',
      port: 0,
      device: 'cpu',
      passwordHash: await hashPassword(PASSWORD),
      origins: [served.origin],
      maxConcurrentJobs: 1,
      jobTimeout: 0,
      maxConcurrentRequests: 4,
      idleTimeout: 60,
      pageFolder: served.folder,
      logger: createLogger({ write() {} }),
    });
    expect((await exported).code).toBe(0);
    hub = await openHub({ 'ludic/nano': join(scratch, 'hub'), 'ludic/plain': nanoFolder });
    const config = JSON.parse(readFileSync(join(nanoFolder, 'config.json'), 'utf8'));
    const weights = readFileSync(join(nanoFolder, 'model.safetensors'));
    odd = await openOddServer({
      broken: { config, size: weights.length, sent: weights.subarray(0, 100_000) },
      shaky: {
        config,
        size: weights.length,
        sent: weights.subarray(0, 1_000_000),
        rest: { etag: '"1"', bytes: weights },
      },
      huge: { config: { ...config, hidden_size: 8192, intermediate_size: 32768, num_hidden_layers: 80 }, size: 3e11 },
      unknown: { config: { model_type: 'riddle' }, size: 1000 },
    });
    browser = await launch();
    context = await browser.newContext({ acceptDownloads: true });
    ({ page, blemishes } = await watchedPage(context, served.origin));
    await page.goto(new URL(evaluationLink(SETTING), served.origin).href);
    await page.getByText('WebAssembly').waitFor();
    view = page.getByRole('tabpanel', { name: 'Evaluate' });
  }, 120_000);

  afterAll(async () => {
    await browser?.close();
    await server?.close();
    for (const one of [served, hub, odd]) one?.close();
    rmSync(scratch, { recursive: true, force: true });
  });

  describe('what is compared', () => {
    it('comes from the link', async () => {
      const chosen = (label: string) =>
        view
          .getByLabel(label, { exact: true })
          .evaluateAll((all) => all.map((one) => (one as HTMLSelectElement).value));
      expect(await chosen('Policy')).toEqual(['model:nano', 'model:nano', 'scripted:random', 'scripted:expert']);
      expect(await chosen('Sees')).toEqual(['NO_HISTORY', 'SCRATCHPAD', '', '']);
      expect(await chosen('Seed')).toEqual(['3']);
      expect(await chosen('Games')).toEqual(['12']);
    });

    it('has the numbers that the command line has, and the differences of the same games in Node', async () => {
      await view.getByRole('button', { name: 'Evaluate' }).click();
      await expect.poll(() => view.getByText(/^done: /).count(), { timeout: 30_000 }).toBe(4);
      const { contestants, differences } = JSON.parse(await downloaded('Download JSON'));
      const common = [
        '--env',
        'tic_tac_toe',
        '--env-config',
        '{"opponent":"random"}',
        '--episodes',
        '12',
        '--seed',
        '3',
      ];
      const told = await Promise.all(
        [
          ['--model', 'nano', '--history', 'NO_HISTORY', '--temperature', '0', '--max-completion-length', '8'],
          ['--model', 'expert', '--history', 'NO_HISTORY'],
        ].map((options) => runLudic('evaluate', ...common, ...options, '--json')),
      );
      const results = told.map(({ stdout }) => JSON.parse(stdout).results);
      expect(contestants[0].results).toMatchObject(results[0]);
      expect(contestants[3].results).toMatchObject(results[1]);

      const [first, last] = await Promise.all([playInNode(SETTING.policies[0]!), playInNode(SETTING.policies[3]!)]);
      expect(differences[2]).toMatchObject({
        of: { model: 'expert' },
        from: { model: 'nano' },
        ...pairedDifference(last, first, SETTING.seed),
      });
      expect(contestants[0].episodes.map(({ reward }: { reward: number }) => reward)).toEqual(
        first.map(({ reward }) => reward),
      );
      const csv = (await downloaded('CSV of the games')).trim().split('\r\n');
      expect(csv).toHaveLength(1 + 4 * 12);
      expect((await downloaded('CSV')).trim().split('\r\n')).toHaveLength(5);
    });

    it('is said in sentences and drawn with intervals', async () => {
      const differences = view.getByRole('region', { name: 'Differences on the same games' });
      expect(await differences.getByRole('listitem').count()).toBe(3);
      await differences.getByLabel('Compared with').selectOption('random');
      await differences.getByText(/^expert .*random.*95 % interval/).waitFor();
      const plot = view.getByRole('img', { name: /^Success, with 95 % intervals. nano \(the present moment\): / });
      expect(await plot.locator('.dot').count()).toBe(4);
    });

    it('is listed game by game, each to be watched', async () => {
      await view.getByText('The games one by one').click();
      const link = view.getByRole('link', { name: 'Watch game 7' });
      const words = new URLSearchParams((await link.getAttribute('href'))!.slice('#watch?'.length));
      expect(Object.fromEntries(words)).toMatchObject({
        game: 'tic_tac_toe',
        config: '{"opponent":"random"}',
        policy: 'model:nano',
        history: 'NO_HISTORY',
        seed: '3',
        episode: '6',
      });
      await link.click();
      await page.getByRole('tabpanel', { name: 'Watch' }).waitFor();
      await page.getByRole('tab', { name: 'Evaluate' }).click();
      expect(await view.getByRole('region', { name: 'Results' }).count()).toBe(1);
    });

    it('stands in the address, and an address that was damaged is refused', async () => {
      await view.getByLabel('Temperature').fill('0.5');
      await view.getByRole('button', { name: 'Copy a link to this' }).click();
      expect(await page.evaluate(() => location.hash)).toBe(evaluationLink({ ...SETTING, temperature: 0.5 }));
      await page.evaluate(() => {
        location.hash = '#evaluate?game=chess';
      });
      await view.getByText('The link cannot be used: its game is "chess"').waitFor();
      // What was chosen and what was found out is still here.
      expect(await view.getByRole('region', { name: 'Results' }).count()).toBe(1);
      expect(await view.getByLabel('Temperature').inputValue()).toBe('0.5');
    });

    it('may be every history of a policy, in the other game as well', async () => {
      const wanted: EvaluationSpec = {
        ...SETTING,
        environment: 'key_door',
        config: { max_steps: 4 },
        policies: SETTING.policies.slice(0, 1),
        episodes: 6,
      };
      await page.evaluate((hash) => {
        location.hash = hash;
      }, evaluationLink(wanted));
      await expect.poll(() => view.getByLabel('Policy', { exact: true }).count()).toBe(1);
      await view.getByRole('button', { name: 'Each policy with all histories' }).click();
      await view.getByRole('button', { name: 'Evaluate' }).click();
      const match = view.getByRole('region', { name: 'KeyDoor' });
      await expect.poll(() => view.getByText(/^done: /).count(), { timeout: 30_000 }).toBe(4);
      for (const title of ['the present moment', 'the whole conversation', 'its own notes', 'perfect notes'])
        await match.getByRole('rowheader', { name: `nano (${title})` }).waitFor();
      // The games before are still there, below.
      expect(await view.getByRole('region', { name: 'Results' }).count()).toBe(2);
      await page.evaluate((hash) => {
        location.hash = hash;
      }, evaluationLink(SETTING));
      await expect.poll(() => view.getByLabel('Policy', { exact: true }).count()).toBe(4);
    });

    it('goes on with the others where one cannot play, and tells why', async () => {
      const folder = join(scratch, 'cut off');
      cpSync(nanoFolder, folder, { recursive: true });
      const weights = readFileSync(join(nanoFolder, 'model.safetensors'));
      writeFileSync(join(folder, 'model.safetensors'), weights.subarray(0, 1000));
      await view.locator('summary').getByText('Models').click();
      await view.getByLabel('Folder of a model').setInputFiles(folder);
      await expect.poll(() => view.getByLabel('Policy', { exact: true }).count()).toBe(5);
      await view.getByRole('button', { name: 'Evaluate' }).click();
      await view
        .getByRole('alert')
        .getByText(/model.safetensors/)
        .waitFor();
      await expect.poll(() => view.getByText(/^done: /).count(), { timeout: 30_000 }).toBe(4);
      await view.getByRole('button', { name: 'Remove cut off' }).click();
      await view.getByText('Not here yet: load it below.').waitFor();
      await view.getByRole('button', { name: 'Remove policy 5' }).click();
      expect(elsewhere()).toEqual([]);
    });

    it('may be dropped on the page', async () => {
      const source = view.getByRole('region', { name: 'From disk' });
      const drop = (names: readonly string[]) =>
        source.evaluate(
          (zone, files) => {
            const dataTransfer = new DataTransfer();
            for (const [name, bytes] of files)
              dataTransfer.items.add(new File([Uint8Array.from(atob(bytes), (c) => c.charCodeAt(0))], name));
            zone.dispatchEvent(new DragEvent('drop', { dataTransfer, bubbles: true, cancelable: true }));
          },
          names.map((name) => [name, readFileSync(join(nanoFolder, name)).toString('base64')] as const),
        );
      await drop(['tokenizer.json']);
      await source.getByText('it has no config.json').waitFor();
      await drop(['config.json', 'tokenizer.json', 'tokenizer_config.json', 'model.safetensors']);
      await view.getByRole('button', { name: 'Remove the picked model' }).waitFor();
      const { evaluation } = await evaluateHere('the picked model');
      expect(evaluation).toEqual((await evaluateHere('nano')).evaluation);
    });
  });

  describe('a server', () => {
    const source = () => view.getByRole('region', { name: 'From a Ludic server' });
    async function look(address: string, password: string): Promise<void> {
      const signOut = source().getByRole('button', { name: 'Sign out' });
      if (await signOut.isVisible()) await signOut.click();
      await source().getByLabel('Address').fill(address);
      await source().getByLabel('Password').fill(password);
      await source().getByRole('button', { name: 'Sign in' }).click();
    }

    beforeAll(async () => {
      const shelf = view.locator('details.library');
      if ((await shelf.getAttribute('open')) === null) await shelf.locator('summary').click();
    });

    it('gives its models for its password', async () => {
      await look(server.url, 'wrong password');
      await source().getByText('does not take this password').waitFor();
      await look(server.url, PASSWORD);
      await source().getByRole('button', { name: 'Load nano' }).click();
      await source().getByText('is here, and stored in this browser').waitFor();
      const name = `nano on ${new URL(server.url).origin}`;
      expect((await evaluateHere(name)).evaluation).toEqual((await evaluateHere('nano')).evaluation);
    });

    it('need not be asked again: its model is kept, and goes when it is told to', async () => {
      const name = `nano on ${new URL(server.url).origin}`;
      const { page: later } = await watchedPage(context, served.origin);
      await later.goto(served.origin);
      await later.getByText('WebAssembly').waitFor();
      const asked = later.evaluate(() => globalThis.ludic.ask({ type: 'models' }));
      const card = (await asked).cards.find((one) => one.name === name);
      expect(card).toMatchObject({ from: 'server', stored: true, size: expect.any(Number) });
      expect((await evaluateHere(name, later)).evaluation.total_episodes).toBe(6);
      await later.close();
      await view.getByRole('button', { name: `Remove ${name}` }).click();
      await expect.poll(() => keptFiles()).toEqual([]);
    });

    it('that cannot be reached, or is none, is told of', async () => {
      await look('http://127.0.0.1:1', PASSWORD);
      await source().getByText(`start it with --allow-origin ${served.origin}`).waitFor();
      await look(served.origin, PASSWORD);
      await source().getByText('answers 404 and no list of models').waitFor();
    });

    it('that breaks off leaves nothing half done', async () => {
      await look(odd.origin, PASSWORD);
      await source().getByRole('button', { name: 'Load broken' }).click();
      await source()
        .getByText(/model.safetensors could not be fetched: .* Try again/)
        .waitFor();
      expect(await keptFiles()).toEqual([]);
      expect(
        (await page.evaluate(() => globalThis.ludic.ask({ type: 'models' }))).cards.map(({ name }) => name),
      ).not.toContain(`broken on ${odd.origin}`);
    });

    it('that breaks off and comes back goes on where it was', async () => {
      odd.asked.length = 0;
      await source().getByRole('button', { name: 'Load shaky' }).click();
      await source().getByText(`shaky on ${odd.origin} is here`).waitFor();
      expect(odd.asked.filter((path) => path.endsWith('safetensors'))).toHaveLength(2);
      const digest = await page.evaluate(
        async (url) => {
          const kept = (await (await caches.open('ludic-models')).match(url))!;
          return [...new Uint8Array(await crypto.subtle.digest('SHA-256', await kept.arrayBuffer()))];
        },
        (await keptFiles()).find((url) => url.endsWith('/model.safetensors'))!,
      );
      const whole = createHash('sha256').update(readFileSync(join(nanoFolder, 'model.safetensors')));
      expect(Buffer.from(digest).toString('hex')).toBe(whole.digest('hex'));
      await view.getByRole('button', { name: `Remove shaky on ${odd.origin}` }).click();
      await expect.poll(() => keptFiles()).toEqual([]);
    });

    it('is not asked for what cannot fit or cannot be played', async () => {
      odd.asked.length = 0;
      await source().getByRole('button', { name: 'Load huge' }).click();
      await source()
        .getByText(/huge .* is too large for this page and was not downloaded: its weights take/)
        .waitFor();
      await source().getByRole('button', { name: 'Load unknown' }).click();
      await source()
        .getByText(/riddle/)
        .waitFor();
      expect(odd.asked).toEqual(['/models/huge/config.json', '/models/unknown/config.json']);
    });

    it('serves the page itself, with nano', async () => {
      const { page: its, blemishes: itsBlemishes } = await watchedPage(context, new URL(server.url).origin);
      await its.goto(server.url);
      await its.getByText('WebAssembly').waitFor();
      expect((await evaluateHere('nano', its)).evaluation).toEqual((await evaluateHere('nano')).evaluation);
      expect(itsBlemishes).toEqual([]);
      const asks = async (url: string) =>
        /connect-src [^;]*/.exec((await fetch(url)).headers.get('content-security-policy')!)![0];
      expect(await asks(server.url)).toBe(await asks(served.origin));
      await its.close();
    });
  });

  describe('the Hub', () => {
    const source = () => view.getByRole('region', { name: 'From the Hugging Face Hub' });
    async function look(id: string): Promise<void> {
      await source().getByLabel('Hub').fill(hub.origin);
      await source().getByLabel('Model').fill(id);
      await source().getByRole('button', { name: 'Show its variants' }).click();
    }

    it('tells what it does not have', async () => {
      await look('ludic');
      await source().getByText('is called OWNER/NAME').waitFor();
      await look('ludic/nothing');
      await source().getByText('has no public model ludic/nothing').waitFor();
      await look('ludic/plain');
      await source().getByText('has no files that transformers.js can run').waitFor();
    });

    it('gives models that transformers.js plays as ours plays', async () => {
      await look('ludic/nano');
      await source().getByRole('button', { name: 'Load q4' }).waitFor();
      await source().getByRole('button', { name: 'Load fp32' }).click();
      await source().getByText('is here, and stored in this browser').waitFor();
      const name = `ludic/nano as fp32 on ${hub.origin}`;
      hub.asked.length = 0;
      const { evaluation, device } = await evaluateHere(name);
      expect(device).toBe('cpu');
      expect(evaluation).toEqual((await evaluateHere('nano')).evaluation);
      // What was kept is not asked for again.
      expect(hub.asked).toEqual([]);
    });

    it('gives models whose games can be stopped between two tokens', async () => {
      const stopped = page.evaluate(async (name) => {
        const controller = new AbortController();
        const asked = globalThis.ludic.ask(
          {
            type: 'evaluate',
            game: { environment: 'tic_tac_toe', config: {}, history: 'FULL_HISTORY' },
            policy: { kind: 'model', name, device: 'cpu', temperature: 1, maxCompletionLength: 64 },
            episodes: 50_000,
            seed: 1,
          },
          { signal: controller.signal },
        );
        setTimeout(() => controller.abort(), 500);
        return asked.then(
          () => 'played',
          ({ code }: { code: string }) => code,
        );
      }, `ludic/nano as fp32 on ${hub.origin}`);
      expect(await stopped).toBe('cancelled');
    });

    it('is told when there is no room, and the model is there all the same', async () => {
      const session = await context.newCDPSession(page);
      await session.send('Storage.overrideQuotaForOrigin', { origin: served.origin, quotaSize: 1000 });
      await source().getByRole('button', { name: 'Load q4' }).click();
      await source().getByText("The browser's storage is full: ludic/nano as q4").waitFor();
      expect((await keptFiles()).filter((url) => url.includes('q4'))).toEqual([]);
      const { evaluation } = await evaluateHere(`ludic/nano as q4 on ${hub.origin}`);
      expect(evaluation.total_episodes).toBe(6);
      await session.send('Storage.overrideQuotaForOrigin', { origin: served.origin });
      await view.getByRole('button', { name: `Keep ludic/nano as q4 on ${hub.origin}` }).click();
      await expect.poll(async () => (await keptFiles()).some((url) => url.includes('q4'))).toBe(true);
      await view.getByRole('button', { name: 'Remove all that were loaded' }).click();
      await expect.poll(() => keptFiles()).toEqual([]);
    });
  });

  it('tells of its loads in bytes', async () => {
    const stages = await page.evaluate(
      async ([origin]) => {
        const { ludic } = globalThis;
        const source = { from: 'hub', address: origin, id: 'ludic/nano' } as const;
        const listings = await ludic.ask({ type: 'browse', source });
        const listing = listings.find(({ dtype }) => dtype === 'fp32')!;
        const heard: Progress[] = [];
        const onProgress = (progress: Progress) => heard.push(progress);
        await ludic.ask({ type: 'load', source, listing, device: 'auto' }, { onProgress });
        return { heard, size: listing.size };
      },
      [hub.origin],
    );
    const loaded = stages.heard.flatMap((one) => (one.stage === 'loading' ? [one] : []));
    expect(loaded.length).toBeGreaterThan(3);
    expect(loaded.every(({ total }) => total === stages.size)).toBe(true);
    expect(loaded.at(-1)!.loaded).toBe(stages.size);
    expect(loaded.map((one) => one.loaded)).toEqual(loaded.map((one) => one.loaded).toSorted((a, b) => a - b));
  });

  it('has asked no server that was not named, and has nothing on its console but what browsers say of refusals', () => {
    const named = [server.url, odd.origin, hub.origin, 'http://127.0.0.1:1/'].map((url) => new URL(url).origin);
    for (const one of elsewhere()) expect(named).toContain(new URL(one.slice('asks elsewhere: '.length)).origin);
    const others = blemishes.filter(
      (one) => !one.startsWith('asks elsewhere') && !/Failed to load resource|blocked by CORS/.test(one),
    );
    expect(others).toEqual([]);
  });
});

/** A few greedy games of a model in the page. */
const evaluateHere = (name: string, where = page): Promise<Answers['evaluate']> =>
  where.evaluate(
    ([name]) =>
      globalThis.ludic.ask({
        type: 'evaluate',
        game: { environment: 'tic_tac_toe', config: {}, history: 'NO_HISTORY' },
        policy: { kind: 'model', name, device: 'cpu', temperature: 0, maxCompletionLength: 8 },
        episodes: 6,
        seed: 1,
      }),
    [name] as const,
  );

async function playInNode({ kind, name, history }: EvaluationSpec['policies'][number]) {
  const definition = findEnvironment(SETTING.environment);
  const config = resolveConfig(definition, SETTING.config);
  const policy =
    kind === 'scripted'
      ? scriptedPolicy(name, () => definition.experts[name]!(config))
      : new LanguageModelPolicy(await openLanguageModel(await openModelFolder(nanoFolder), await createRuntime()), {
          temperature: SETTING.temperature,
          topK: 0,
          topP: 1,
          maxCompletionLength: SETTING.maxCompletionLength,
          stop: [`</${definition.replyTag}>`],
        });
  const starts = evaluationStarts(SETTING.seed, SETTING.episodes);
  return playEpisodes({ environment: definition, config, history, policy, starts });
}

async function downloaded(button: string): Promise<string> {
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    view.getByRole('button', { name: button, exact: true }).click(),
  ]);
  return readFileSync(await download.path(), 'utf8');
}

/** What lies in the page's storage. */
const keptFiles = (): Promise<string[]> =>
  page.evaluate(async () => {
    const cache = await caches.open('ludic-models');
    return (await cache.keys()).map(({ url }) => url);
  });
