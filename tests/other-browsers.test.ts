// The page in Firefox and in WebKit, by hand and beside the same work in Node. What each view does is tested in Chromium:
// here, that nothing of it rests on Chromium.

import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { PolicyChoice, Progress } from '../apps/evaluator/src/engine/protocol.ts';
import { type StepMetrics, Trainer } from '../packages/grpo/src/index.ts';
import type { EnvironmentSpec } from '../packages/rollouts/src/index.ts';
import { evaluate } from '../packages/rollouts/src/index.ts';
import { type DrivenOptions, type DrivenPage, Hand, pause } from './browser/driven.ts';
import { FIREFOX, openFirefox } from './browser/firefox.ts';
import {
  KEY_DOOR,
  nanoFolder,
  nanoOn,
  openNano,
  type Plain,
  plain,
  playInNode,
  sitDown,
  TIC_TAC_TOE,
} from './browser/in-node.ts';
import { type ServedPage, servePage } from './browser/page.ts';
import { openWebKit, WEBKIT } from './browser/webkit.ts';

const { unzipSync } = createRequire(new URL('../apps/evaluator/package.json', import.meta.url))('fflate');

interface Kind {
  readonly name: string;
  readonly path: string | undefined;
  readonly open: (options: DrivenOptions) => Promise<DrivenPage>;
  /** Whether it gives the page storage that a run can be written to. */
  readonly stores: boolean;
}
const BROWSERS: readonly Kind[] = [
  { name: 'Firefox', path: FIREFOX, open: openFirefox, stores: true },
  // What is driven is a private window, and GTK's port cannot write to files at all.
  { name: 'WebKit', path: WEBKIT, open: openWebKit, stores: false },
];
/**
 * Firefox, on a busy machine, was seen twice in about forty runs to start no thread of WebAssembly: once after a reload,
 * once in a whole process. Nothing in the page gets it going again.
 */
const ATTEMPTS = 3;
/** In ms. */
const STARTED_WITHIN = 30_000;
const VIEWS = ['Evaluate', 'Watch', 'Play', 'Train', 'Jobs'] as const;
const screens = process.env.LUDIC_SCREENS;
const [TAB, RIGHT, END] = ['\uE004', '\uE014', '\uE010'];

for (const { name, path, open, stores } of BROWSERS) {
  describe.skipIf(path === undefined)(`the page in ${name} (needs it where Debian puts it)`, () => {
    let scratch = '';
    let served: ServedPage;
    let page: DrivenPage;
    let hand: Hand;

    beforeAll(async () => {
      scratch = mkdtempSync(join(tmpdir(), 'ludic-other-'));
      served = await servePage();
      for (let left = ATTEMPTS; ; left--) {
        page = await open({ origin: served.origin, downloads: scratch });
        hand = new Hand(page);
        await page.resize(1200, 900);
        await page.goto(served.origin);
        await hand.until(/WebAssembly, \d+ threads/);
        if (await computes(left)) break;
        await page.close();
      }
    }, 240_000);

    afterAll(async () => {
      await page?.close();
      served?.close();
      rmSync(scratch, { recursive: true, force: true });
    });

    it('evaluates by mouse and keys as Node evaluates', async () => {
      expect(await page.evaluate(() => crossOriginIsolated)).toBe(true);
      await hand.fill('Games', '40');
      await hand.fill('Temperature', '0');
      await hand.fill('Longest reply', '8');
      await hand.click('form button', 'Evaluate');
      const shown = await hand.until(/% to/);
      const { policy, table } = await sitDown(TIC_TAC_TOE, nanoOn('cpu'));
      const { success_rate, mean_reward } = await evaluate({ ...table, policy, episodes: 40, seed: 0 });
      expect(shown).toContain(`${(100 * success_rate).toFixed(1)} %`);
      expect(shown).toContain(mean_reward.toFixed(3));
    });

    it('plays the games that Node plays, on each of its devices', async () => {
      const devices = await page.evaluate(() => globalThis.ludic.ask({ type: 'devices' }));
      for (const { device, present } of devices) {
        if (!present || (device !== 'cpu' && device !== 'webgpu')) continue;
        for (const game of [TIC_TAC_TOE, KEY_DOOR]) {
          const episodes = device === 'cpu' ? 4 : 2;
          const here = await playInNode(game, nanoOn('cpu'), episodes);
          expect(here.some(({ turns }) => turns.length > 1)).toBe(true);
          expect(await play(game, nanoOn(device), episodes), `${game.environment} on ${device}`).toEqual(here);
        }
      }
    });

    it('shows a game step by step, by keys', async () => {
      await hand.click('[role=tab]', 'Watch');
      await hand.click('form button', 'Watch');
      await expect.poll(where).toMatch(/^Step 1 of/);
      const player = () => page.evaluate(() => document.activeElement!.matches('.player'));
      await expect.poll(player).toBe(true);
      await hand.keys([RIGHT]);
      await expect.poll(where).toMatch(/^(Step 2 of|After 1 step)/);
      await hand.keys([END]);
      await expect.poll(where).toMatch(/^After \d steps?\. /);
      await hand.keys([TAB]);
      const focused = () => page.evaluate(() => document.activeElement!.ariaLabel);
      await expect.poll(focused).toBe('Step');
    });

    it('lets a person play, by keys and by mouse', async () => {
      const moves = () => page.evaluate(() => document.querySelectorAll('.log li').length);
      await hand.click('[role=tab]', 'Play');
      await hand.click('form button', 'New game');
      await hand.until(/Your turn, you are X/);
      await hand.keys('5');
      await expect.poll(moves).toBeGreaterThanOrEqual(2);
      await hand.until(/Your turn, you are X/);
      await hand.click('button', 'Show a hint');
      await hand.until(/In your place/);
      const free = await page.evaluate(
        () => document.querySelector<HTMLElement>('.cells button[aria-disabled=false]')!.ariaLabel!,
      );
      expect(free).toMatch(/free, hint \d/);
      const before = await moves();
      await hand.click('.cells button', free);
      await expect.poll(moves).toBeGreaterThanOrEqual(before + 2);
    });

    it('takes a model from disk, and keeps it over a reload', async () => {
      const name = await page.evaluate(async (files) => {
        const picked = files.map(([name, text]) => new File([Uint8Array.fromBase64(text!)], `mine/${name}`));
        const { ludic } = globalThis;
        const { name } = await ludic.ask({ type: 'pick', files: picked });
        await ludic.ask({ type: 'keep', name });
        return name;
      }, nanoFiles());
      expect(name).toBe('mine');
      await reload();
      const { cards, used } = await page.evaluate(() => globalThis.ludic.ask({ type: 'models' }));
      expect(cards).toContainEqual(expect.objectContaining({ name, stored: true }));
      expect(used ?? 1e7).toBeGreaterThan(2.5e6);
      const mine = { ...nanoOn('cpu'), name } as PolicyChoice;
      expect(await play(TIC_TAC_TOE, mine, 2)).toEqual(await playInNode(TIC_TAC_TOE, nanoOn('cpu'), 2));
    });

    it('learns by its form as Node learns', async () => {
      await hand.click('[role=tab]', 'Train');
      const fields = {
        Steps: 4,
        'Games a step': 8,
        Group: 4,
        'KL weight': 0,
        'Learning rate': 0.0005,
        'Longest reply': 4,
      };
      for (const [label, value] of Object.entries(fields)) await hand.fill(label, String(value));
      await hand.click('summary', 'Game settings');
      await hand.fill('Max steps', '3');
      await hand.click('summary', 'All settings of training');
      await hand.until(/Token budget/);
      const further = { 'Eval episodes': 4, 'Eval temperature': 0, 'Save every': 2, 'Token budget': 1024 };
      for (const [label, value] of Object.entries(further)) await hand.fill(label, String(value));
      await hand.click('form button', 'Train');
      const shown = await hand.until(/The model is saved as nano trained/);
      expect(/This browser gives the page no storage/.test(shown)).toBe(!stores);
      const { settings, metrics } = await page.evaluate(() =>
        globalThis.ludic.ask({ type: 'run', run: 'nano trained' }),
      );
      expect(settings).toMatchObject({
        environmentConfig: { max_steps: 3 },
        steps: 4,
        batchSize: 8,
        learningRate: 0.0005,
        tokenBudget: 1024,
      });
      const trainer = await Trainer.create(await openNano(), settings);
      const curve: StepMetrics[] = [];
      for (let step = 0; step < settings.steps; step++) curve.push((await trainer.runStep()).metrics);
      await trainer.dispose();
      expect(curve.some(({ gradient_norm }) => gradient_norm > 0.1)).toBe(true);
      expect(metrics.length).toBe(curve.length);
      for (const [i, expected] of curve.entries())
        for (const [name, value] of Object.entries(expected))
          expect(
            Math.abs((metrics[i]![name as keyof StepMetrics] as number) - Number(value)),
            `${name} of ${i + 1}`,
          ).toBeLessThan(1e-3);
    });

    it('hands a run over as a file', async () => {
      await hand.click('button', 'Download the run nano trained');
      let files: Record<string, Uint8Array> = {};
      const unzip = () => {
        files = unzipSync(readFileSync(join(scratch, 'nano-trained-run.zip')));
        return Object.keys(files).length;
      };
      // A download takes a moment to be there, and another to be whole.
      await vi.waitFor(() => expect(unzip()).toBeGreaterThan(5), { timeout: 20_000 });
      const lines = new TextDecoder().decode(files['nano-trained/metrics.jsonl']).trim().split('\n');
      expect(lines.filter((line) => JSON.parse(line).type === 'step').length).toBe(4);
      expect(files['nano-trained/final/model.safetensors']!.length).toBeGreaterThan(2e6);
    });

    if (stores)
      it('goes on with a run after a reload, to the same bytes', async () => {
        await cut('cut', 3);
        await reload();
        await hand.click('[role=tab]', 'Train');
        expect(await hand.until(/2 of 4/)).toMatch(/paused/);
        await hand.click('button', 'Continue cut');
        await hand.until(/The model is saved as cut/);
        expect(await digest('cut')).toBe(await digest('nano trained'));
        // Nothing is left of the files that took the place of others.
        expect(await digest('cut', 'folders.json~')).toBeUndefined();
        expect(await digest('cut', 'folders.json')).toBeDefined();
      });

    it('fits windows that are wide and narrow', async () => {
      for (const width of [1200, 390]) {
        await page.resize(width, 900);
        for (const view of VIEWS) {
          await hand.click('[role=tab]', view);
          const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
          expect.soft(overflow, `${view} at ${width} scrolls sideways`).toBeLessThanOrEqual(0);
          if (screens) writeFileSync(join(screens, `${name}-${view}-${width}.png`.toLowerCase()), await page.picture());
        }
      }
    });

    it('has nothing on its console and asks no other server', () => expect(page.blemishes).toEqual([]));

    const where = () => page.evaluate(() => document.querySelector('.where')?.textContent ?? '');

    async function reload(): Promise<void> {
      for (let left = ATTEMPTS; ; left--) {
        await page.goto(served.origin);
        await hand.until(/WebAssembly/);
        if (await computes(left)) return;
      }
    }

    /** Whether ONNX Runtime starts in time. @throws where no attempt is left */
    async function computes(left: number): Promise<boolean> {
      const late = pause(STARTED_WITHIN).then(() => undefined);
      const played = await Promise.race([play(TIC_TAC_TOE, nanoOn('cpu'), 1), late]);
      if (played !== undefined) return true;
      const trouble = `${page.version} does not start ONNX Runtime within ${STARTED_WITHIN / 1000} s.`;
      if (left <= 1) throw new Error(trouble);
      console.warn(`${trouble} It is tried again.`);
      return false;
    }

    /** Episodes that the page plays. */
    async function play(game: EnvironmentSpec, policy: PolicyChoice, episodes: number): Promise<Plain[]> {
      const played = await page.evaluate(
        async (game, policy, episodes) => {
          const { ludic } = globalThis;
          return (await ludic.ask({ type: 'rollout', game, policy, seed: 7, from: 0, episodes })).episodes;
        },
        game,
        policy,
        episodes,
      );
      return played.map(plain);
    }

    /** Trains as `nano trained` was, until a step is learned. */
    const cut = (saveAs: string, step: number) =>
      page.evaluate(
        async (saveAs, step) => {
          const { ludic } = globalThis;
          const { settings } = await ludic.ask({ type: 'run', run: 'nano trained' });
          await new Promise<void>((resolve, reject) => {
            const onProgress = (progress: Progress) => {
              if (progress.stage === 'learned' && progress.metrics.step === step) resolve();
            };
            ludic.ask({ type: 'train', model: 'nano', device: 'cpu', settings, saveAs }, { onProgress }).catch(reject);
          });
        },
        saveAs,
        step,
      );

    /** Of a file of a run in the browser's storage; undefined where it is not there. */
    const digest = (run: string, path = 'final/model.safetensors') =>
      page.evaluate(
        async (run, path) => {
          let folder = await (await navigator.storage.getDirectory()).getDirectoryHandle('runs');
          const names = [encodeURIComponent(run), ...path.split('/')];
          const last = names.pop()!;
          for (const name of names) folder = await folder.getDirectoryHandle(name);
          const handle = await folder.getFileHandle(last).catch(() => undefined);
          if (!handle) return undefined;
          const hash = await crypto.subtle.digest('SHA-256', await (await handle.getFile()).arrayBuffer());
          return [...new Uint8Array(hash)].join();
        },
        run,
        path,
      );
  });
}

/** By name, as base64. */
const nanoFiles = () =>
  readdirSync(nanoFolder).map((name) => [name, readFileSync(join(nanoFolder, name)).toString('base64')] as const);
