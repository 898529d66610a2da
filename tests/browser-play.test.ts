// Watching and playing in the page, in a real browser: what is drawn is what the environment says, and whole games can be
// played by pointer and by keyboard.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Browser, Locator, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Position } from '../apps/evaluator/src/engine/protocol.ts';
import { DEFAULT_WATCH, type WatchSpec, watchLink } from '../apps/evaluator/src/watch/watch-link.ts';
import {
  findEnvironment,
  isVisited,
  type KeyDoorState,
  keyDoor,
  resolveConfig,
  type TicTacToeState,
} from '../packages/environments/src/index.ts';
import { openLanguageModel, Scorer } from '../packages/inference/src/index.ts';
import { openModelFolder } from '../packages/models/src/node.ts';
import { NANO_FOLDER } from '../packages/nano/src/index.ts';
import { LanguageModelPolicy, scriptedPolicy } from '../packages/policies/src/index.ts';
import { type Episode, episodeToJson, evaluationStarts, playEpisodes } from '../packages/rollouts/src/index.ts';
import { createRuntime } from '../packages/runtime/src/node.ts';
import { hasChromium, launch, type ServedPage, servePage, watchedPage } from './browser/page.ts';

const nano = async () => openLanguageModel(await openModelFolder(fileURLToPath(NANO_FOLDER)), await createRuntime());

/** An episode as Node plays it, and the states of its environment before each turn and at the end. */
async function played({ game, policy: choice, seed, episode: number }: WatchSpec) {
  const definition = findEnvironment(game.environment);
  const config = resolveConfig(definition, game.config);
  const inner =
    choice.kind === 'scripted'
      ? scriptedPolicy(choice.name, () => definition.experts[choice.name]!(config))
      : new LanguageModelPolicy(await nano(), {
          temperature: choice.temperature,
          topK: 0,
          topP: 1,
          maxCompletionLength: choice.maxCompletionLength,
          stop: [`</${definition.replyTag}>`],
        });
  const starts = evaluationStarts(seed, 1, number);
  const [episode] = await playEpisodes({
    environment: definition,
    config,
    history: game.history,
    policy: inner,
    starts,
  });
  inner.dispose();
  const environment = definition.create(config);
  environment.reset(starts[0]!.seed, { dynamicsSeed: starts[0]!.dynamicsSeed });
  const states = [environment.state];
  for (const { reply } of episode!.turns) {
    environment.step(reply.text);
    states.push(environment.state);
  }
  return { episode: episode!, states };
}

/** The board as it is drawn. */
const drawnBoard = (view: Locator) =>
  view
    .locator('svg.board [data-mark]')
    .evaluateAll((cells) => cells.map((cell) => cell.getAttribute('data-mark')).join(''));

/** The grid as it is drawn: numbers of cells. */
const drawnGrid = (view: Locator) =>
  view.locator('svg.board').evaluate((svg) => {
    const at = (thing: string) => {
      const found = svg.querySelector(`[data-thing="${thing}"]`);
      return found && Number(found.getAttribute('data-at'));
    };
    const seen = [...svg.querySelectorAll('[data-cell][data-seen="true"]')].map((cell) =>
      Number(cell.getAttribute('data-cell')),
    );
    const carrying = svg.querySelector('[data-thing="agent"]')!.getAttribute('data-carrying') === 'true';
    return { agent: at('agent'), key: at('key'), door: at('door'), carrying, seen };
  });
const gridOf = ({ size, agent, key, door, carrying, visited }: KeyDoorState) => ({
  agent,
  key: carrying ? null : key,
  door,
  carrying,
  seen: Array.from({ length: size * size }, (_, cell) => cell).filter((cell) => isVisited(visited, size, cell)),
});

let scratch = '';
let served: ServedPage;
let browser: Browser;
let page: Page;
let blemishes: string[];

describe.skipIf(!hasChromium)('Watch and Play (need Chromium at /usr/bin/chromium)', () => {
  beforeAll(async () => {
    scratch = mkdtempSync(join(tmpdir(), 'ludic-watch-'));
    served = await servePage();
    browser = await launch();
    ({ page, blemishes } = await watchedPage(await browser.newContext(), served.origin));
  }, 180_000);

  afterAll(async () => {
    await browser?.close();
    served?.close();
    rmSync(scratch, { recursive: true, force: true });
  });

  describe('Watch', () => {
    const view = () => page.getByRole('tabpanel', { name: 'Watch' });
    const follow = async (setting: WatchSpec) => {
      await page.goto(`${served.origin}/${watchLink(setting)}`);
      const title = `: game ${setting.episode + 1} of seed ${setting.seed}`;
      await view().getByRole('heading', { name: title }).waitFor();
    };
    const scrubber = () => view().getByRole('slider', { name: 'Step' });

    it('draws each state of a game of KeyDoor as the environment has it, forwards and back', async () => {
      const setting: WatchSpec = {
        game: { environment: 'key_door', config: { size: 3 }, history: 'NO_HISTORY' },
        policy: { kind: 'scripted', name: 'expert' },
        seed: 3,
        episode: 1,
      };
      const { states, episode } = await played(setting);
      expect(states.length).toBeGreaterThan(4);
      await follow(setting);
      for (const [i, state] of states.entries()) {
        expect(await scrubber().inputValue()).toBe(String(i));
        expect(await drawnGrid(view()), `step ${i + 1}`).toEqual(gridOf(state as KeyDoorState));
        if (i < episode.turns.length) await view().getByRole('button', { name: 'Next step' }).click();
      }
      expect(await view().getByRole('button', { name: 'Next step' }).getAttribute('aria-disabled')).toBe('true');
      await view().getByText('You open the door.').waitFor();
      await scrubber().fill('1');
      expect(await drawnGrid(view())).toEqual(gridOf(states[1] as KeyDoorState));
    });

    it("shows nano's game: boards, prompts, the reply's tokens with their chances and rivals, rewards", async () => {
      const setting: WatchSpec = {
        ...DEFAULT_WATCH,
        game: { environment: 'tic_tac_toe', config: {}, history: 'FULL_HISTORY' },
        policy: { kind: 'model', name: 'nano', device: 'cpu', temperature: 1, maxCompletionLength: 8 },
        episode: 2,
      };
      const { states, episode } = await played(setting);
      await follow(setting);
      const region = view().getByRole('region', { name: 'The game' });
      // The player has the focus: its keys work.
      await expect.poll(() => region.evaluate((element) => element === document.activeElement)).toBe(true);
      for (const [i, turn] of episode.turns.entries()) {
        expect(await drawnBoard(view())).toBe((states[i] as TicTacToeState).board);
        const messages = await view()
          .locator('.messages li')
          .evaluateAll((items) =>
            items.map((item) => ({
              role: item.getAttribute('data-role'),
              content: item.querySelector('pre')!.textContent,
            })),
          );
        expect(messages).toEqual(turn.prompt);
        const tokens = view().locator('.token');
        await tokens.first().waitFor();
        expect(await tokens.count()).toBe(turn.reply.tokens!.completion.length);
        expect((await tokens.allTextContents()).join('')).toBe(turn.reply.text);
        const chance = `${(100 * Math.exp(turn.reply.tokens!.logprobs[0]!)).toFixed(1)} %`;
        expect(await tokens.first().getAttribute('aria-label')).toContain(chance);
        const rivals = await view().locator('.alternatives tbody .number').allTextContents();
        const shares = rivals.map((text) => Number.parseFloat(text));
        expect(shares.length).toBeGreaterThanOrEqual(6);
        expect(shares.slice(0, 6)).toEqual(shares.slice(0, 6).toSorted((a, b) => b - a));
        expect(await view().locator('.alternatives [data-chosen="true"]').textContent()).toContain(chance);
        await page.keyboard.press('ArrowRight');
      }
      expect(await drawnBoard(view())).toBe((states.at(-1) as TicTacToeState).board);
      await view().getByText(episode.finalObservation.split('\n')[0]!, { exact: false }).first().waitFor();
      await page.keyboard.press('Home');
      expect(await scrubber().inputValue()).toBe('0');
    });

    it('plays by itself, stops, and begins again at the end', async () => {
      await view().getByRole('combobox', { name: 'Speed' }).selectOption('8');
      await view().getByRole('button', { name: 'Play' }).click();
      const last = (await scrubber().getAttribute('max'))!;
      await expect.poll(() => scrubber().inputValue()).toBe(last);
      await view().getByRole('button', { name: 'Play' }).waitFor();
      await view().getByRole('combobox', { name: 'Speed' }).selectOption('0.5');
      await view().getByRole('button', { name: 'Play' }).click();
      expect(await scrubber().inputValue()).toBe('0');
      await view().getByRole('button', { name: 'Pause' }).click();
      await view().getByRole('button', { name: 'Play' }).waitFor();
    });

    it('opens recorded games, shows the notes as they change, and says what is wrong with a file', async () => {
      const game = { environment: 'key_door', config: { max_steps: 3 }, history: 'SCRATCHPAD' } as const;
      const definition = findEnvironment(game.environment);
      const config = resolveConfig(definition, game.config);
      const replies = [
        '<scratchpad>north</scratchpad><action>up</action>',
        '<action>fly</action>',
        '<action>left</action>',
      ];
      let said = 0;
      const writer = {
        name: 'writer',
        act: async () => [{ text: replies[said++ % 3]!, finish: 'stop' as const }],
        dispose() {},
      };
      const write = async (number: number): Promise<Episode> => {
        const starts = evaluationStarts(5, 1, number);
        return (
          await playEpisodes({ environment: definition, config, history: game.history, policy: writer, starts })
        )[0]!;
      };
      const lines = [await write(0), await write(1)].map((episode) =>
        JSON.stringify({ step: 1, environmentConfig: game.config, ...game, ...episodeToJson(episode) }),
      );
      const path = join(scratch, 'episodes.jsonl');
      writeFileSync(path, lines.join('\n'));
      const input = view().getByLabel('File of episodes');
      await input.setInputFiles(path);
      await view().getByRole('heading', { name: 'episodes.jsonl' }).waitFor();
      await view().getByLabel('Recorded game').selectOption('1');
      await view()
        .getByRole('img', { name: /^Grid of 4 by 4/ })
        .waitFor();
      const notes = () => view().locator('.notes').textContent();
      expect(await notes()).toBe('As it read them(empty)As it wrote themnorth');
      await view().getByRole('button', { name: 'Next step' }).click();
      expect(await notes()).toBe('As it read themnorthIt wrote none, so these stay.');
      expect(await view().locator('.mark-error').textContent()).toBe('invalid');
      const damaged = join(scratch, 'damaged.json');
      writeFileSync(damaged, '{"turns": 3');
      await input.setInputFiles(damaged);
      await view().getByRole('alert').getByText('damaged.json cannot be watched. Line 1 is no JSON').waitFor();
      // What was there is still there.
      expect(await notes()).toContain('north');
    });

    it('says what is wrong with a link', async () => {
      await page.goto(`${served.origin}/#watch?game=chess`);
      await view().getByRole('alert').getByText('its game is "chess"').waitFor();
      await page.goto(`${served.origin}/#watch?policy=model:gone`);
      await view().getByRole('alert').getByText('The model gone is not here').waitFor();
      expect(await view().getByLabel('Policy', { exact: true }).inputValue()).toBe('model:gone');
    });
  });

  describe('Play', () => {
    const view = () => page.getByRole('tabpanel', { name: 'Play' });
    const begin = () => view().getByRole('button', { name: 'New game' }).click();
    /** The moves of the hint that is shown, with their chances. */
    const hint = async () => {
      await view().getByRole('button', { name: 'Show a hint' }).click();
      await view().getByText('In your place').waitFor();
      const rows = await view()
        .locator('[data-reply]')
        .evaluateAll((found) =>
          found.map((row) => [row.getAttribute('data-reply')!, Number(row.getAttribute('data-chance'))] as const),
        );
      return new Map(rows);
    };

    it('is a whole game of Tic-Tac-Toe against nano, by keyboard, with hints that sum to 1', async () => {
      await page.goto(`${served.origin}/#play`);
      await view().getByLabel('You are').selectOption('O');
      await view().getByLabel('Compute on').selectOption('cpu');
      await begin();
      let moves = 0;
      const over = view().getByRole('button', { name: 'Play again' });
      const mine = view().getByText('Your turn, you are O.');
      for (;;) {
        await mine.or(over).first().waitFor();
        if (await over.isVisible()) break;
        const board = await drawnBoard(view());
        const free = [...board].flatMap((mark, cell) => (mark === '.' ? [cell] : []));
        expect([...board].filter((mark) => mark === 'O').length).toBe(moves);
        expect([...board].filter((mark) => mark === 'X').length).toBe(moves + 1);
        const chances = await hint();
        expect([...chances.keys()].sort()).toEqual(free.map((cell) => `<move>${cell + 1}</move>`));
        expect([...chances.values()].reduce((a, b) => a + b, 0)).toBeCloseTo(1, 9);
        const cell = free.at(-1)!;
        // The first by arrows and Enter, the others by digits.
        if (moves === 0) {
          await view().getByRole('group', { name: 'Board' }).getByRole('button').nth(4).focus();
          for (let row = 1; row < Math.floor(cell / 3); row++) await page.keyboard.press('ArrowDown');
          for (let column = 1; column < cell % 3; column++) await page.keyboard.press('ArrowRight');
          for (let column = 1; column > cell % 3; column--) await page.keyboard.press('ArrowLeft');
          await page.keyboard.press('Enter');
        } else {
          await view().getByRole('group', { name: 'Board' }).getByRole('button').nth(0).focus();
          await page.keyboard.press(String(cell + 1));
        }
        moves++;
        await expect.poll(async () => (await drawnBoard(view()))[cell]).toBe('O');
        expect(await view().locator('[data-reply]').count()).toBe(0);
      }
      expect(moves).toBeGreaterThan(1);
      expect(await view().locator('.turn').first().textContent()).toMatch(/You win!|nano wins\.|A draw\./);
      await over.click();
      await view().getByText('Your turn, you are X.').waitFor();
      expect(await drawnBoard(view())).toBe('.........');
    });

    it('gives the hints that the model gives in Node', async () => {
      const position: Position = {
        game: { environment: 'tic_tac_toe', config: {}, history: 'NO_HISTORY' },
        seed: 1,
        dynamicsSeed: 1,
        replies: [],
      };
      const candidates = ['<move>1</move>', '<move>5</move>', '<move>9</move>'];
      const here = await page.evaluate(
        ([position, candidates, policy]) => globalThis.ludic.ask({ type: 'hint', position, candidates, policy }),
        [position, candidates, { ...DEFAULT_WATCH.policy, device: 'cpu' } as typeof DEFAULT_WATCH.policy] as const,
      );
      const definition = findEnvironment('tic_tac_toe');
      const config = resolveConfig(definition);
      const messages = [
        { role: 'system', content: definition.systemPrompt(config) },
        { role: 'user', content: await definition.create(config).reset(1, { dynamicsSeed: 1 }) },
      ] as const;
      const scorer = new Scorer(await nano());
      const chances = (await scorer.replies(messages, candidates)).map(Math.exp);
      await scorer.dispose();
      const together = chances.reduce((a, b) => a + b, 0);
      expect(here.together).toBeCloseTo(together, 5);
      for (const [i, chance] of here.chances.entries()) expect(chance).toBeCloseTo(chances[i]! / together, 5);
    });

    it('is won against a scripted player, by pointer', async () => {
      await view().getByLabel('You are').selectOption('X');
      await view().getByLabel('Against').selectOption('scripted:random');
      const win = view().getByText('You win!');
      // A player that wins where it can and else takes the first free cell beats random play before long.
      const over = view().getByRole('button', { name: 'Play again' });
      let won = false;
      for (let game = 0; game < 20 && !won; game++) {
        await view().getByLabel('Seed').fill(String(game));
        await begin();
        for (;;) {
          await view().getByText('Your turn').or(over).first().waitFor();
          if (await over.isVisible()) break;
          const board = await drawnBoard(view());
          await view().getByRole('group', { name: 'Board' }).getByRole('button').nth(board.indexOf('.')).click();
        }
        won = await win.isVisible();
      }
      expect(won).toBe(true);
      expect(await view().locator('[data-won="true"]').count()).toBe(3);
    });

    it('is a whole game of KeyDoor by hand, in which what was not seen is not shown', async () => {
      await view().getByLabel('Game', { exact: true }).selectOption('key_door');
      await view().getByText('Game settings').click();
      await view().getByLabel('size').fill('3');
      await view().getByLabel('Seed').fill('6');
      await view().getByLabel('Hints by').selectOption('scripted:omniscient');
      await begin();
      const environment = keyDoor.create(resolveConfig(keyDoor, { size: 3 }));
      const [start] = evaluationStarts(6, 1);
      environment.reset(start!.seed, { dynamicsSeed: start!.dynamicsSeed });
      const keys: Record<string, string> = { up: 'ArrowUp', down: 'ArrowDown', left: 'ArrowLeft', right: 'ArrowRight' };
      let steps = 0;
      for (let over = false; !over; steps++) {
        const { key, door, visited } = environment.state;
        const seen = (cell: number) => isVisited(visited, 3, cell);
        const whole = gridOf(environment.state);
        const known = { ...whole, key: whole.key !== null && seen(key) ? key : null, door: seen(door) ? door : null };
        expect(await drawnGrid(view()), `step ${steps}`).toEqual(known);
        const chances = await hint();
        expect([...chances.values()].reduce((a, b) => a + b, 0)).toBeCloseTo(1, 9);
        const [reply] = [...chances].find(([, chance]) => chance === 1)!;
        const action = reply.replace(/<\/?action>/g, '');
        // Walking by keys, the rest by buttons.
        if (keys[action]) await page.keyboard.press(keys[action]!);
        else await view().getByRole('group', { name: 'Actions' }).getByRole('button', { name: action }).click();
        const step = environment.step(reply);
        await view().getByRole('status').getByText(step.observation.split('\n')[0]!).first().waitFor();
        over = step.terminated;
      }
      expect(steps).toBeGreaterThan(3);
      await view().getByText('The door is open.').waitFor();
      await view().getByText('1.1', { exact: true }).waitFor();
      await view().getByRole('button', { name: 'Next grid' }).click();
      await view()
        .getByRole('img', { name: /1 of 9 cells seen/ })
        .waitFor();
    });

    it('asks again where the policy failed, and the game is still there', async () => {
      await view().getByLabel('Game', { exact: true }).selectOption('tic_tac_toe');
      await view().getByLabel('Against').selectOption('model:nano');
      await view().getByLabel('Longest reply').fill('1000000');
      await begin();
      await view().getByRole('group', { name: 'Board' }).getByRole('button').nth(0).click();
      await view().getByRole('alert').getByText('do not fit').waitFor();
      expect(await drawnBoard(view())).toBe('X........');
      await view().getByRole('button', { name: 'Ask again' }).click();
      await view().getByRole('alert').getByText('do not fit').waitFor();
    });
  });

  it('fits a phone, and says nothing on its console', async () => {
    await page.setViewportSize({ width: 360, height: 740 });
    for (const name of ['Watch', 'Play']) {
      await page.getByRole('tab', { name }).click();
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(360);
    }
    expect(blemishes).toEqual([]);
  });
});
