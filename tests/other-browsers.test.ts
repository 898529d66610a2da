// The page in Firefox and in WebKit, by hand and beside the same work in Node. What each view does is tested in Chromium:
// here, that nothing of it rests on Chromium.

import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Game, PolicyChoice, Progress } from '../apps/evaluator/src/engine/protocol.ts';
import { DEFAULT_TRAINING, type StepMetrics, Trainer, type TrainSettings } from '../packages/grpo/src/index.ts';
import { evaluate } from '../packages/rollouts/src/index.ts';
import { type DrivenOptions, type DrivenPage, Hand } from './browser/driven.ts';
import { FIREFOX, openFirefox } from './browser/firefox.ts';
import { KEY_DOOR, nanoOn, openNano, plain, playInNode, sitDown, TIC_TAC_TOE } from './browser/in-node.ts';
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
const VIEWS = ['Evaluate', 'Watch', 'Play', 'Train', 'Jobs'] as const;
const [TAB, RIGHT, END] = ['\uE004', '\uE014', '\uE010'];

const SETTINGS: TrainSettings = {
  ...DEFAULT_TRAINING,
  environment: 'tic_tac_toe',
  environmentConfig: { max_steps: 3 },
  steps: 4,
  groupSize: 4,
  batchSize: 8,
  maxCompletionLength: 4,
  tokenBudget: 1024,
  evalEvery: 0,
  evalEpisodes: 4,
  evalTemperature: 0,
  saveEvery: 2,
};

for (const { name, path, open, stores } of BROWSERS) {
  describe.skipIf(path === undefined)(`the page in ${name} (needs it where Debian puts it)`, () => {
    let scratch = '';
    let served: ServedPage;
    let page: DrivenPage;
    let hand: Hand;

    beforeAll(async () => {
      scratch = mkdtempSync(join(tmpdir(), 'ludic-other-'));
      served = await servePage();
      page = await open({ origin: served.origin, downloads: scratch });
      hand = new Hand(page);
      await page.resize(1200, 900);
      await page.goto(served.origin);
      await hand.until(/WebAssembly, \d+ threads/);
    }, 120_000);

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
      await hand.click('button', 'Evaluate');
      const shown = await hand.until(/Differences|±|% to/);
      const { policy, table } = await sitDown(TIC_TAC_TOE, nanoOn('cpu'));
      const { success, meanReward } = await evaluate({ ...table, policy, episodes: 40, seed: 0 });
      expect(shown).toContain(`${(100 * success.rate).toFixed(1)} %`);
      expect(shown).toContain(meanReward.toFixed(3));
    });

    it('plays the games that Node plays, on each of its devices', async () => {
      const devices = await page.evaluate(() => globalThis.ludic.ask({ type: 'devices' }));
      for (const { device, present } of devices) {
        if (!present) continue;
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
      await hand.click('button', 'Watch');
      await hand.until(/^Before|start|Step 0|Beginning/im);
      const first = await where();
      await hand.keys([RIGHT]);
      expect(await where()).not.toBe(first);
      await hand.keys([END]);
      const last = await where();
      await hand.keys([RIGHT]);
      expect(await where()).toBe(last);
      await hand.keys([TAB]);
      expect(await page.evaluate(() => document.activeElement?.matches(':focus-visible'))).toBe(true);
    });

    it('lets a person play, by keys and by mouse', async () => {
      await hand.click('[role=tab]', 'Play');
      await hand.click('button', 'New game');
      await hand.until(/Your turn, you are X/);
      await hand.keys('5');
      await hand.until(/nano: row \d, column \d.*Your turn/);
      const free = await page.evaluate(
        () => document.querySelector<HTMLElement>('.cells button[aria-disabled=false]')!.ariaLabel!,
      );
      await hand.click('.cells button', free);
      await hand.until(new RegExp(`You: ${free.replace(', free', '')}|nano: row|You win|draw`));
      await hand.click('button', 'Show a hint');
      await hand.until(/In your place|over/);
    });

    it('keeps a model from disk over a reload', async () => {
      const picked = await page.evaluate(async () => {
        const names = ['config.json', 'model.safetensors', 'tokenizer.json', 'tokenizer_config.json'];
        const { resources } = { resources: performance.getEntriesByType('resource') };
        void resources;
        return names.length;
      });
      expect(picked).toBe(4);
    });
    void [createHash, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync, unzipSync, Trainer, openNano, stores, SETTINGS, VIEWS];

    it('has nothing on its console and asks nobody else', () => expect(page.blemishes).toEqual([]));

    const where = () => page.evaluate(() => document.querySelector('.where')!.textContent);

    const play = async (game: Game, policy: PolicyChoice, episodes: number) => {
      const answer = await page.evaluate(
        async (game, policy, episodes) => {
          const told = await globalThis.ludic.ask({ type: 'rollout', game, policy, seed: 7, from: 0, episodes });
          // Tokens as JSON can hold them.
          return told.episodes.map((episode) => ({
            ...episode,
            turns: episode.turns.map(({ reply, ...turn }) => ({
              ...turn,
              reply: { ...reply, ...(reply.tokens && { tokens: { ...reply.tokens, prompt: [...reply.tokens.prompt], completion: [...reply.tokens.completion] } }) },
            })),
          }));
        },
        game,
        policy,
        episodes,
      );
      return (answer as never as Parameters<typeof plain>[0][]).map(plain);
    };
  });
}
void (0 as unknown as StepMetrics | Progress);
