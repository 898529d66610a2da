// Models that transformers.js runs, in every view of the page: nano, exported and loaded from a hub, plays, hints and rates
// as our own nano does; and what can go wrong with a GPU or with files is a sentence, after which everything goes on.

import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runLudic } from '../apps/cli/testing/run-ludic.ts';
import type { DeviceChoice } from '../apps/evaluator/src/engine/models/library.ts';
import type { Answers, PolicyChoice, Position, RequestOf } from '../apps/evaluator/src/engine/protocol.ts';
import { watchLink } from '../apps/evaluator/src/watch/watch-link.ts';
import { DEFAULT_TRAINING } from '../packages/grpo/src/index.ts';
import { keepingLogits } from '../packages/policies/testing/kept-logits.ts';
import { hasChromium, launch, type ServedPage, servePage, watchedPage } from './browser/page.ts';
import { openHub, type Shop } from './browser/shops.ts';

const GAME = { environment: 'tic_tac_toe', config: {}, history: 'FULL_HISTORY' } as const;
const POSITION: Position = { game: GAME, seed: 1, dynamicsSeed: 1, replies: [] };
/** Where nano writes notes first, token by token. */
const NOTES: Position['game'] = { environment: 'key_door', config: { size: 3 }, history: 'SCRATCHPAD' };
const MOVES = Array.from({ length: 9 }, (_, cell) => `<move>${cell + 1}</move>`);

let scratch = '';
let served: ServedPage;
let hub: Shop;
let browser: Browser;
let page: Page;
let blemishes: string[] = [];
const nameOf = (id: string) => `${id} as fp32 on ${hub.origin}`;
const policy = (name: string, device: DeviceChoice = 'cpu', temperature = 0) =>
  ({ kind: 'model', name, device, temperature, maxCompletionLength: 8 }) as const satisfies PolicyChoice;

const ask = <Type extends 'reply' | 'hint' | 'rollout'>(request: RequestOf<Type>): Promise<Answers[Type]> =>
  page.evaluate((request) => globalThis.ludic.ask(request), request as RequestOf<'rollout'>) as Promise<Answers[Type]>;
const failure = (request: RequestOf<'rollout' | 'train'>) =>
  page.evaluate(
    (request) =>
      globalThis.ludic.ask(request).then(
        () => 'no failure',
        ({ code, message }: { code: string; message: string }) => `${code}: ${message}`,
      ),
    request,
  );
const rollout = (choice: PolicyChoice, episodes = 6) =>
  ({ type: 'rollout', game: GAME, policy: choice, seed: 7, from: 0, episodes }) as const;
const textsOf = ({ episodes }: Answers['rollout']) =>
  episodes.map(({ turns }) => turns.map(({ reply }) => reply.text).join());

async function load(id: string): Promise<void> {
  await page.evaluate(
    async ([address, id]) => {
      const source = { from: 'hub', address, id } as const;
      const listings = await globalThis.ludic.ask({ type: 'browse', source });
      await globalThis.ludic.ask({ type: 'load', source, listing: listings[0]!, device: 'cpu' });
    },
    [hub.origin, id] as const,
  );
}

describe.skipIf(!hasChromium)('models of transformers.js in the page (need Chromium at /usr/bin/chromium)', () => {
  beforeAll(async () => {
    scratch = mkdtempSync(join(tmpdir(), 'ludic-foreign-'));
    served = await servePage();
    const folder = (name: string) => join(scratch, name);
    expect((await runLudic('export', '--out', folder('nano'), '--dtype', 'fp32')).code).toBe(0);
    const graph = (name: string) => join(folder(name), 'onnx', 'model.onnx');
    for (const name of ['last', 'damaged']) cpSync(folder('nano'), folder(name), { recursive: true });
    writeFileSync(graph('last'), keepingLogits(readFileSync(graph('nano')), 'last'));
    writeFileSync(graph('damaged'), readFileSync(graph('nano')).subarray(0, 50_000));
    hub = await openHub({
      'ludic/nano': folder('nano'),
      'ludic/last': folder('last'),
      'ludic/damaged': folder('damaged'),
    });
    browser = await launch();
    ({ page, blemishes } = await watchedPage(await browser.newContext(), served.origin));
    await page.goto(served.origin);
    await page.getByText('WebAssembly').waitFor();
    for (const name of ['nano', 'last', 'damaged']) await load(`ludic/${name}`);
    await page.reload();
    await page.getByText('WebAssembly').waitFor();
  }, 120_000);

  afterAll(async () => {
    await browser?.close();
    served?.close();
    hub?.close();
    rmSync(scratch, { recursive: true, force: true });
  });

  it('are offered wherever a model plays, and not where one learns', async () => {
    const offered = async (tab: string, label: string) => {
      await page.getByRole('tab', { name: tab }).click();
      const field = page.getByRole('tabpanel', { name: tab }).getByLabel(label, { exact: true });
      return field.locator('option').allTextContents();
    };
    expect(await offered('Watch', 'Policy')).toContain(nameOf('ludic/nano'));
    expect(await offered('Play', 'Against')).toContain(nameOf('ludic/nano'));
    const learners = await offered('Train', 'Model');
    expect(learners).toContain('nano');
    expect(learners).not.toContain(nameOf('ludic/nano'));
    const training = { type: 'train', model: nameOf('ludic/nano'), device: 'cpu', saveAs: 'none' } as const;
    expect(await failure({ ...training, settings: { ...DEFAULT_TRAINING, environment: 'tic_tac_toe' } })).toMatch(
      /which cannot train: choose nano/,
    );
  });

  describe.each(['ludic/nano', 'ludic/last'])('%s', (id) => {
    it('plays the games of our nano, at any temperature', async () => {
      for (const temperature of [0, 1]) {
        const ours = await ask(rollout(policy('nano', 'cpu', temperature)));
        const theirs = await ask(rollout(policy(nameOf(id), 'cpu', temperature)));
        expect(textsOf(theirs)).toEqual(textsOf(ours));
        for (const { turns } of theirs.episodes)
          for (const { reply } of turns) if (reply.finish === 'stop') expect(reply.text).toMatch(/<\/move>$/);
      }
    });

    it('replies, hints and rates as our nano does', async () => {
      const [ours, theirs] = [policy('nano', 'cpu', 1), policy(nameOf(id), 'cpu', 1)];
      const reply = await ask({ type: 'reply', position: POSITION, policy: theirs });
      const expected = await ask({ type: 'reply', position: POSITION, policy: ours });
      expect(reply.reply.text).toBe(expected.reply.text);
      expect(reply.device).toBe('cpu');

      const hint = (choice: PolicyChoice) =>
        ask({ type: 'hint', position: POSITION, policy: choice, candidates: MOVES });
      const [mine, its] = [await hint(ours), await hint(theirs)];
      expect(its.together).toBeCloseTo(mine.together, 3);
      for (const [i, chance] of its.chances.entries()) expect(chance).toBeCloseTo(mine.chances[i]!, 3);

      // The tokens that it drew.
      const rate = (model: string) =>
        page.evaluate(
          async ([policy, model, position]) => {
            const { reply } = await globalThis.ludic.ask({ type: 'reply', position, policy });
            const { prompt, completion } = reply.tokens!;
            const request = { type: 'rate', model, device: 'cpu', prompt, completion, alternatives: 4 } as const;
            return globalThis.ludic.ask(request);
          },
          [theirs, model, { ...POSITION, game: NOTES }] as const,
        );
      const [rated, own] = [await rate(theirs.name), await rate('nano')];
      expect(rated.text).toBe(own.text);
      expect(rated.tokens.length).toBeGreaterThan(1);
      for (const [i, { text, logprob, alternatives }] of rated.tokens.entries()) {
        expect(text).toBe(own.tokens[i]!.text);
        expect(Math.abs(logprob - own.tokens[i]!.logprob)).toBeLessThan(1e-3);
        expect(alternatives.map((one) => one.text)).toEqual(own.tokens[i]!.alternatives.map((one) => one.text));
      }
    });
  });

  it('are watched, with the chances of their tokens', async () => {
    const choice = policy(nameOf('ludic/nano'), 'cpu', 1);
    await page.goto(`${served.origin}/${watchLink({ game: NOTES, policy: choice, seed: 3, episode: 0 })}`);
    const view = page.getByRole('tabpanel', { name: 'Watch' });
    await view.getByRole('heading', { name: choice.name }).waitFor();
    await view.locator('.token[data-level]').first().waitFor();
    expect(await view.getByLabel('Policy', { exact: true }).inputValue()).toBe(`model:${choice.name}`);
    expect(await view.locator('.token').count()).toBeGreaterThan(1);
    expect(await view.locator('.alternatives tbody tr').count()).toBeGreaterThan(1);
  });

  it('are played against, with hints', async () => {
    await page.getByRole('tab', { name: 'Play' }).click();
    const view = page.getByRole('tabpanel', { name: 'Play' });
    await view.getByLabel('Against').selectOption(`model:${nameOf('ludic/nano')}`);
    await view.getByLabel('Compute on').selectOption('cpu');
    await view.getByLabel('You are').selectOption('O');
    await view.getByRole('button', { name: 'New game' }).click();
    await view.getByText('Your turn, you are O.').waitFor();
    await view.getByRole('button', { name: 'Show a hint' }).click();
    await view.getByText('In your place').waitFor();
    const chances = await view
      .locator('[data-reply]')
      .evaluateAll((rows) => rows.map((row) => Number(row.getAttribute('data-chance'))));
    expect(chances).toHaveLength(8);
    expect(chances.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 9);
  });

  it('have room on a phone for their long names', async () => {
    await page.setViewportSize({ width: 360, height: 740 });
    for (const tab of ['Watch', 'Play']) {
      await page.getByRole('tab', { name: tab }).click();
      expect(await page.evaluate(() => document.documentElement.scrollWidth), tab).toBeLessThanOrEqual(360);
    }
    await page.setViewportSize({ width: 1200, height: 900 });
  });

  it('that are damaged are refused with the reason, and others are played afterwards', async () => {
    expect(await failure(rollout(policy(nameOf('ludic/damaged'))))).toMatch(
      /^bad_model: transformers.js cannot load ludic\/damaged .*ONNX Runtime refuses the graph/,
    );
    expect((await ask(rollout(policy(nameOf('ludic/nano')), 1))).episodes).toHaveLength(1);
  });

  it('play with what fits where longer replies are allowed than the context holds', async () => {
    const long = { ...policy(nameOf('ludic/nano')), maxCompletionLength: 100_000 };
    const [episode] = (await ask(rollout(long))).episodes;
    expect(episode!.endReason).not.toBe('failed');
  });

  it('share the GPU with ours, both at the same time', async () => {
    const [ours, theirs] = [policy('nano', 'webgpu'), policy(nameOf('ludic/nano'), 'webgpu')];
    const expected = textsOf(await ask(rollout(policy('nano'), 3)));
    const both = await Promise.all([ask(rollout(ours, 3)), ask(rollout(theirs, 3))]);
    expect(both.map(({ device }) => device)).toEqual(['webgpu', 'webgpu']);
    for (const one of both) expect(textsOf(one)).toEqual(expected);
    // Replies that part after several tokens, from keys and values that stay on the GPU.
    const candidates = ['up', 'down', 'left'].flatMap((way) =>
      ['', 'no key yet'].map((note) => `<scratchpad>\n${note}</scratchpad>\n<action>${way}</action>`),
    );
    const hint = (choice: PolicyChoice) =>
      ask({ type: 'hint', position: { ...POSITION, game: NOTES }, policy: choice, candidates });
    const wanted = await hint(policy('nano'));
    for (const name of [theirs.name, nameOf('ludic/last')]) {
      const { chances, device } = await hint(policy(name, 'webgpu'));
      expect(device).toBe('webgpu');
      for (const [i, chance] of chances.entries()) expect(chance).toBeCloseTo(wanted.chances[i]!, 3);
    }
  }, 60_000);

  it('survive the loss of the GPU', async () => {
    // A GPU that the test can take away: the page that holds one now gives it up.
    const [worker] = page.workers();
    await page.reload();
    await page.getByText('WebAssembly').waitFor();
    const [fresh] = page.workers();
    expect(fresh).not.toBe(worker);
    await fresh!.evaluate(() => {
      const { requestDevice } = GPUAdapter.prototype;
      globalThis.gpus = [];
      GPUAdapter.prototype.requestDevice = async function (options) {
        const gpu = await requestDevice.call(this, options);
        globalThis.gpus.push(gpu);
        return gpu;
      };
    });
    const choice = policy(nameOf('ludic/nano'), 'webgpu');
    const expected = textsOf(await ask(rollout(policy('nano'), 3)));
    // Once while it plays, once between two games.
    await ask(rollout(choice, 1));
    const lost = failure(rollout(choice, 200));
    await page.waitForTimeout(300);
    await fresh!.evaluate(() => globalThis.gpus.at(-1)!.destroy());
    expect(await lost).toMatch(/^device_lost: The GPU is lost/);
    expect(textsOf(await ask(rollout(choice, 3)))).toEqual(expected);
    // In the page: a sentence, and the next game is played on a new GPU.
    await page.goto(`${served.origin}/${watchLink({ game: GAME, policy: choice, seed: 7, episode: 0 })}`);
    const view = page.getByRole('tabpanel', { name: 'Watch' });
    await view.getByRole('heading', { name: 'game 1 of seed 7' }).waitFor();
    await view.locator('.token').first().waitFor();
    await fresh!.evaluate(() => globalThis.gpus.at(-1)!.destroy());
    await view.getByLabel('Number').fill('2');
    await view.getByRole('button', { name: 'Watch', exact: true }).click();
    await view.getByText('The GPU is lost, and all that lay on it').waitFor();
    // What was there is still there.
    await view.getByRole('heading', { name: 'game 1 of seed 7' }).waitFor();
    await view.getByRole('button', { name: 'Watch', exact: true }).click();
    await view.getByRole('heading', { name: 'game 2 of seed 7' }).waitFor();
    await view.locator('.token').first().waitFor();
    expect(await fresh!.evaluate(() => globalThis.gpus.length)).toBe(3);
  }, 120_000);

  it('leave nothing on the console, and ask no server but their hub', () => {
    expect(blemishes.filter((one) => one.startsWith('asks elsewhere') && !one.includes(hub.origin))).toEqual([]);
    expect(blemishes.filter((one) => !one.startsWith('asks elsewhere'))).toEqual([]);
  });
});
