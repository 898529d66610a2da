// Games of files in the page of `ludic evaluator --env`, in a real browser: played by hand, watched, evaluated, trained in.

import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RunningLudic, runLudic, startLudic } from '../apps/cli/testing/run-ludic.ts';
import { watchLink } from '../apps/evaluator/src/watch/watch-link.ts';
import { hashPassword } from '../apps/server/src/auth/make-hash.ts';
import type { Episode } from '../packages/rollouts/src/index.ts';
import { pause } from './browser/driven.ts';
import { hasChromium, launch, watchedPage } from './browser/page.ts';
import { SETTINGS } from './browser/training.ts';

const LARGER = fileURLToPath(new URL('../examples/larger.ts', import.meta.url));

let scratch = '';
let ludic: RunningLudic;
/** What the command said until it served. */
let said = '';
let origin = '';
let browser: Browser;
let page: Page;
let blemishes: string[];

const game = { environment: 'ice_walk', config: { size: 4 }, history: 'NO_HISTORY' } as const;
/** A training of seconds. */
const FILLED = {
  'Name of the new model': 'warm',
  Updates: '2',
  'Games per update': '16',
  'Group size': '8',
  'Longest reply': '4',
};
const file = (name: string) => join(scratch, name);
const SPEC = ['--env-config', JSON.stringify(game.config), '--history', game.history];

describe.skipIf(!hasChromium)('games of files in the page (need Chromium at /usr/bin/chromium)', () => {
  const tab = (name: string) => page.getByRole('tabpanel', { name });
  const open = async (hash: string) => {
    await page.goto(`${origin}/#${hash}`);
    await page.reload();
  };
  /** The board as it is drawn, a line for each row. */
  const board = async (view: string) => {
    const label = await tab(view).locator('svg.cell-board').getAttribute('aria-label');
    return label!.split('. ');
  };

  beforeAll(async () => {
    scratch = mkdtempSync(join(tmpdir(), 'ludic-page-games-'));
    cpSync(new URL('../apps/cli/testing/games', import.meta.url), scratch, { recursive: true });
    const games = ['ice-walk.ts', 'hot-cold.ts', 'sums.ts'].flatMap((name) => ['--env', file(name)]);
    ludic = startLudic(['evaluator', '--port', '0', '--no-open', ...games]);
    ludic.process.stdout!.on('data', (text: Buffer) => {
      said += text;
    });
    while (!said.includes('Stop it')) await pause(100);
    origin = /http:\S+(?=\/)/.exec(said)![0];
    browser = await launch();
    ({ page, blemishes } = await watchedPage(await browser.newContext(), origin));
    page.setDefaultTimeout(20_000);
  }, 180_000);

  afterAll(async () => {
    await browser?.close();
    ludic.process.kill('SIGTERM');
    await ludic.finished;
    rmSync(scratch, { recursive: true, force: true });
  });

  it('are published with all that they import and nothing of this machine', async () => {
    const html = await (await fetch(`${origin}/`)).text();
    const address = /<link rel="games" href="\.(\/games\/games-[0-9a-f]{12}\.js)"/.exec(html)![1];
    const answer = await fetch(origin + address);
    expect(answer.headers.get('content-type')).toMatch(/^text\/javascript/);
    const text = await answer.text();
    expect(text).toContain('ice_walk');
    expect(text).toContain('☺');
    expect(text).not.toContain(scratch.split('/').at(-1));
    expect((await fetch(`${origin}/games/other.js`)).status).toBe(404);
    // The one who serves them is told of each file, also of those that others import.
    for (const name of ['ice-walk.ts', 'ice-board.ts', 'hot-cold.ts', 'sums.ts'])
      expect(said).toContain(`  ${file(name)}\n`);
  });

  it('are played by hand on the board that they describe', async () => {
    await open('play');
    const view = tab('Play');
    await view.getByLabel('Game', { exact: true }).selectOption('ice_walk');
    await view.getByText('Game settings').click();
    await view.getByLabel('size').fill('4');
    await view.getByLabel('Hints by').selectOption({ label: 'expert' });
    await view.getByRole('button', { name: 'New game' }).click();
    const reply = view.getByLabel('Your reply');
    await reply.waitFor();
    expect((await board('Play'))[0]).toMatch(/^Row 1: player ☺, /);
    expect((await board('Play'))[3]).toMatch(/^Row 4: .*goal ⚑$/);
    // What is typed arrives at once; a bare word is put into its tag.
    await page.keyboard.type('down');
    await page.keyboard.press('Enter');
    await view.getByText('You stand in row 2, column 1.').first().waitFor();
    expect((await board('Play'))[1]).toMatch(/^Row 2: player ☺, /);
    await page.keyboard.type('<go>left</go>');
    await page.keyboard.press('Enter');
    await view.getByText('There is no ice.').first().waitFor();
    for (let steps = 0; steps < 5; steps++) {
      await view.getByRole('button', { name: 'Ask expert' }).click();
      await expect.poll(() => reply.inputValue()).toMatch(/^<go>(down|right)<\/go>$/);
      await view.getByRole('button', { name: 'Reply', exact: true }).click();
      await expect.poll(() => view.getByText('Replies').locator('..').textContent()).toBe(`Replies${steps + 3}`);
    }
    await view.getByText('The game is over.').waitFor();
    await view.getByRole('button', { name: 'Next game' }).click();
    await view.getByText('You stand in row 1, column 1.').first().waitFor();
  });

  it('are played by hand without a board, and a game that misbehaves says so', async () => {
    await open('play');
    const view = tab('Play');
    await view.getByLabel('Game', { exact: true }).selectOption('sums');
    await view.getByRole('button', { name: 'New game' }).click();
    const said = await view.locator('pre.said').textContent();
    const [a, b] = /^(\d) \+ (\d)$/.exec(said!)!.slice(1).map(Number) as [number, number];
    await view.getByLabel('Your reply').fill(String(a + b));
    await page.keyboard.press('Enter');
    await view.getByText('The game is over.').waitFor();
    expect(await view.getByText('Reward').locator('..').textContent()).toBe('Reward1');

    await view.getByLabel('Game', { exact: true }).selectOption('spoiled_sums');
    const failed = view.getByText(/^(reset|step) of spoiled_sums .*(the beads fell down|it returned 42, no step)/);
    for (let seed = 0; !(await failed.isVisible()); seed++) {
      await view.getByLabel('Seed').fill(String(seed));
      await view.getByRole('button', { name: 'New game' }).click();
      const open = view.getByLabel('Your reply');
      await open.or(failed).first().waitFor();
      if (!(await open.isVisible())) break;
      await open.fill('0');
      await page.keyboard.press('Enter');
      await view.getByRole('button', { name: 'Next game' }).waitFor();
    }
    await failed.first().waitFor();
  });

  it('are watched step by step', async () => {
    const asked = ['--model', 'expert', '--seed', '3', '--json'];
    const { stdout } = await runLudic('rollout', '--env', file('ice-walk.ts'), ...SPEC, ...asked);
    const { turns } = JSON.parse(stdout) as Episode;
    expect(turns.length).toBe(6);
    await open(watchLink({ game, policy: { kind: 'scripted', name: 'expert' }, seed: 3, episode: 0 }).slice(1));
    const view = tab('Watch');
    await view.getByRole('slider', { name: 'Step' }).waitFor();
    for (const [i, { observation }] of turns.entries()) {
      const [, row, column] = /row (\d), column (\d)/.exec(observation)!.map(Number);
      const drawn = (await board('Watch')).map((line) => line.replace(/^Row \d: /, '').split(', '));
      expect(drawn[row! - 1]![column! - 1], `step ${i + 1}`).toBe('player ☺');
      await view.getByRole('button', { name: 'Next step' }).click();
    }
    await view.getByText('The flag.').first().waitFor();
  });

  it('are evaluated in the worker to the numbers of Node, and trained in', async () => {
    const random = { kind: 'scripted', name: 'random' } as const;
    const here = await page.evaluate(
      ([game, policy]) => globalThis.ludic.ask({ type: 'evaluate', game, policy, episodes: 50, seed: 5 }),
      [game, random] as const,
    );
    const numbers = ['--model', 'random', '--episodes', '50', '--seed', '5', '--json'];
    const { stdout } = await runLudic('evaluate', '--env', file('ice-walk.ts'), ...SPEC, ...numbers);
    expect(here.evaluation).toEqual(JSON.parse(stdout).results);

    const settings = {
      ...SETTINGS,
      environment: 'hot_cold',
      environmentConfig: { largest: 5 },
      steps: 1,
    };
    const trained = await page.evaluate(
      (settings) =>
        globalThis.ludic.ask({
          type: 'train',
          model: 'nano',
          device: 'cpu',
          settings,
          saveAs: 'warm',
        }),
      settings,
    );
    expect(trained).toMatchObject({ name: 'warm', steps: 1, finished: true });
  }, 120_000);

  it('leave a page without them that still shows the runs that were trained in them', async () => {
    await open('train');
    await tab('Train')
      .getByRole('row', { name: /warm.*Hot or cold/ })
      .waitFor();
    expect(blemishes).toEqual([]);
    await page.route(`${origin}/games/*`, (route) => route.fulfill({ status: 404 }));
    await page.reload();
    await page.getByText(/The games of this server cannot be played: /).waitFor();
    await tab('Train')
      .getByRole('row', { name: /warm.*hot_cold/ })
      .waitFor();
  });
});

describe.skipIf(!hasChromium)('a server with games of files (needs Chromium at /usr/bin/chromium)', () => {
  const PASSWORD = 'correct horse';
  let server: RunningLudic;
  const view = () => page.getByRole('tabpanel', { name: 'Jobs' });
  const button = (name: string) => view().getByRole('button', { name, exact: true });
  const completed = () => view().getByRole('article').getByText('completed').waitFor({ timeout: 100_000 });

  beforeAll(async () => {
    scratch = mkdtempSync(join(tmpdir(), 'ludic-server-games-'));
    cpSync(new URL('../apps/cli/testing/games', import.meta.url), scratch, { recursive: true });
    const flags = ['serve', '--port', '0', '--threads', '1', '--data', join(scratch, 'data')];
    server = startLudic([...flags, '--env', file('hot-cold.ts')], {
      LUDIC_PASSWORD_HASH: await hashPassword(PASSWORD),
    });
    let told = '';
    server.process.stderr!.on('data', (text: Buffer) => {
      told += text;
    });
    while (!told.includes('listens on')) await pause(100);
    origin = /listens on (http:[^;]+);/.exec(told)![1]!;
    browser = await launch();
    ({ page, blemishes } = await watchedPage(await browser.newContext(), origin));
    page.setDefaultTimeout(30_000);
    await page.goto(`${origin}/#jobs`);
    await view().getByLabel('Password').fill(PASSWORD);
    await button('Sign in').click();
  }, 180_000);

  afterAll(async () => {
    await browser?.close();
    server.process.kill('SIGTERM');
    await server.finished;
    rmSync(scratch, { recursive: true, force: true });
  });

  it('trains in one from the form of the page, with settings from its schema', async () => {
    await button('New training').click();
    await view().getByLabel('Game', { exact: true }).selectOption({ label: 'Hot or cold' });
    // Fields that the game has no setting for are not shown.
    await view().getByLabel('Longest game').waitFor();
    expect(await view().getByLabel('Size of the grid').count()).toBe(0);
    await view().getByText('Game settings').click();
    await view().getByLabel('Polite').selectOption({ label: 'yes' });
    await view().getByLabel('Largest').fill('1');
    for (const [name, value] of Object.entries(FILLED)) await view().getByLabel(name, { exact: true }).fill(value);
    await view().getByText('More settings').click();
    await view().getByLabel('Eval episodes').fill('8');
    await view().getByLabel('Tensor parallel size').fill('1');
    await button('Start').click();
    await view()
      .getByText(/largest of hot_cold must be/)
      .waitFor();
    await view().getByLabel('Largest').fill('5');
    await button('Start').click();
    await view().getByRole('heading', { name: 'warm', exact: true }).waitFor();
    await completed();
    await view().getByText('Games that the trainer sampled').click();
    await view()
      .getByRole('region', { name: /turn by turn/ })
      .getByText('Guess.')
      .first()
      .waitFor();
    // Its code is not here, so there is no board.
    expect(await button('Watch on the board').count()).toBe(0);
  }, 120_000);

  it('evaluates what was trained there, as it was trained', async () => {
    await button('Evaluate on the server').click();
    await view().getByRole('heading', { name: 'New evaluation' }).waitFor();
    expect(await view().getByLabel('Game', { exact: true }).inputValue()).toBe('hot_cold');
    expect(await view().getByLabel('Largest').inputValue()).toBe('5');
    expect(await view().getByLabel('Longest reply').inputValue()).toBe('4');
    await view().getByLabel('Games', { exact: true }).fill('6');
    await button('Start').click();
    await view().getByRole('heading', { name: 'warm, evaluated' }).waitFor();
    await completed();
    await view().getByRole('table', { name: 'Result' }).waitFor();
    await button('Evaluate again with changes').click();
    expect(await view().getByLabel('Games', { exact: true }).inputValue()).toBe('6');
    expect(await view().getByLabel('Largest').inputValue()).toBe('5');
    // What the server refused above.
    expect(blemishes.filter((line) => !line.includes('400 (Bad Request)'))).toEqual([]);
  }, 120_000);
});

it('are refused with their place where a page cannot run them', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'ludic-page-games-'));
  const needs = async (name: string, text: string) => {
    writeFileSync(join(folder, name), `${text}\nexport { default } from ${JSON.stringify(LARGER)};\n`);
    return runLudic('evaluator', '--port', '0', '--no-open', '--env', join(folder, name));
  };
  const refused = (text: RegExp) => ({ code: 2, stderr: expect.stringMatching(text) });
  expect(await needs('node.ts', "import 'node:fs';")).toMatchObject(refused(/node:fs.*node\.ts, line 1/));
  const all = "import { runTraining } from 'ludic';\nexport const train = runTraining;";
  expect(await needs('all.ts', all)).toMatchObject(refused(/runTraining.*all\.ts, line 1/));
  expect(await needs('grpo.ts', "import '@ludic/grpo';")).toMatchObject(refused(/no @ludic\/grpo/));
  rmSync(folder, { recursive: true });
}, 60_000);
