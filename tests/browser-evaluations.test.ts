// Evaluations of a live server in the page: asked for in a form, shown, watched on the board, compared.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Locator, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { builtPage } from '../apps/cli/src/evaluator/built-page.ts';
import { pairedDifference } from '../packages/rollouts/src/index.ts';
import type { Job, PolicyEvaluation } from '../packages/service/src/index.ts';
import { hasChromium, launch, watchedPage } from './browser/page.ts';
import { ServerProcess } from './browser/server.ts';

const PASSWORD = 'correct horse';
/** The browser itself writes one for each request that is refused; 503 where the Hub, asked for a model, is not reached. */
const ITS_OWN = /^console error: Failed to load resource: the server responded with a status of (400|404|503) /;

let scratch = '';
let server: ServerProcess;
let browser: Browser;
let page: Page;
let blemishes: string[];
let view: Locator;

const button = (name: string) => view.getByRole('button', { name, exact: true });
const inList = (name: string | RegExp) => view.getByRole('navigation', { name: 'Jobs' }).getByRole('button', { name });
const fold = (title: string) => view.locator('summary', { hasText: new RegExp(`^${title}$`) });
const article = () => view.getByRole('article');
const field = (name: string) => view.getByLabel(name, { exact: true });
const newest = async () => (await server.ask<{ jobs: Job[] }>('/jobs?limit=1')).jobs[0]!;
const completed = () => article().getByText('completed', { exact: true }).waitFor();

describe.skipIf(!hasChromium)('evaluations of a server (needs Chromium at /usr/bin/chromium)', () => {
  beforeAll(async () => {
    scratch = mkdtempSync(join(tmpdir(), 'ludic-evaluations-'));
    server = await ServerProcess.start(scratch, await builtPage(), PASSWORD);
    browser = await launch();
    ({ page, blemishes } = await watchedPage(await browser.newContext(), server.url));
    page.setDefaultTimeout(20_000);
    await page.goto(`${server.url}/#jobs`);
    view = page.getByRole('tabpanel', { name: 'Jobs' });
    await view.getByLabel('Password').fill(PASSWORD);
    await button('Sign in').click();
    await button('New evaluation').waitFor();
  }, 120_000);

  afterAll(async () => {
    await browser?.close();
    await server?.end();
    rmSync(scratch, { recursive: true, force: true });
  });

  it('says beside the fields what the server has against one', async () => {
    await button('New evaluation').click();
    expect(await field('Game').locator('option').allTextContents()).toContain('Tic-Tac-Toe');
    await field('Temperature').fill('hot');
    await fold('More settings').click();
    await field('Top p').fill('2');
    await fold('More settings').click();
    await button('Start').click();
    await view.getByRole('alert').getByText('The request cannot be used').waitFor();
    expect(await complaintOf(field('Temperature'))).toContain('expected number');
    expect(await complaintOf(field('Top p'))).toMatch(/too big|at most|<=\s*1/i);
    await field('Top p').fill('1');
    await field('Temperature').fill('0.5');
    await field('Model').selectOption('Another, by its name…');
    await field('Model, by its name').fill('nowhere');
    await button('Start').click();
    await view
      .getByRole('alert')
      .getByText(/nowhere/)
      .waitFor();
    await field('Model').selectOption('nano');
    expect(await field('Model, by its name').count()).toBe(0);
  });

  it('starts one with what was filled in, and shows what it finds', async () => {
    await field('Games').fill('12');
    await field('Seed').fill('3');
    await field('The policy sees').selectOption('FULL_HISTORY');
    await view.getByText('Game settings').click();
    await field('Opponent').selectOption('minimax');
    await button('Start').click();
    await article().getByRole('heading', { name: 'nano, evaluated' }).waitFor();
    await completed();
    const job = await newest();
    expect(job.request).toMatchObject({
      eval_episodes: 12,
      seed: 3,
      history_strategy: 'FULL_HISTORY',
      env_config: { opponent: 'minimax' },
      sampling_params: { temperature: 0.5 },
      include_trajectories: true,
    });
    const { results } = job.result as unknown as PolicyEvaluation;
    const row = view.getByRole('table', { name: 'Result' }).getByRole('row').nth(1);
    expect(await row.textContent()).toContain(results.mean_reward.toFixed(3));
    const success = `${(100 * results.success_rate).toFixed(1)} % success`;
    expect(await inList(/^nano, evaluated/).textContent()).toContain(`12 games, ${success}`);
    await article().getByText('seeing the whole conversation, temperature 0.5, seed 3').waitFor();
  });

  it('shows its games on the board, under the settings that they were played with', async () => {
    await fold('Games').click();
    const games = view.getByRole('list', { name: 'Games' }).getByRole('button');
    await games.nth(2).waitFor();
    expect(await games.count()).toBe(12);
    await games.nth(2).click();
    await button('Watch on the board').click();
    const watch = page.getByRole('tabpanel', { name: 'Watch' });
    await watch.getByRole('heading', { name: 'Games of nano, evaluated on the server' }).waitFor();
    await watch.getByRole('slider').waitFor();
    const { job_id: id } = await newest();
    const kept = (
      await (
        await fetch(`${server.url}/jobs/${id}/episodes`, { headers: { authorization: `Bearer ${PASSWORD}` } })
      ).text()
    )
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).trajectory);
    const { steps, final_observation } = kept[2];
    // Every step can be drawn: the game that is played again is the one that was recorded.
    expect(await watch.getByRole('slider').getAttribute('max')).toBe(String(steps.length));
    await watch.getByRole('slider').fill(String(steps.length));
    expect(await watch.textContent()).not.toContain('is another one');
    await watch.getByText(final_observation.split('\n')[0]).first().waitFor();
    await page.getByRole('tab', { name: 'Jobs' }).click();
  });

  it('compares it with another of the same games, to the numbers of the library', async () => {
    const first = await newest();
    await button('Evaluate again with changes').click();
    expect(await field('Games').inputValue()).toBe('12');
    expect(await field('Opponent').inputValue()).toBe('minimax');
    await field('Temperature').fill('2');
    await button('Start').click();
    await expect.poll(async () => (await newest()).job_id).not.toBe(first.job_id);
    await completed();
    await view.getByText('Compare with another evaluation of the same games').click();
    const region = view.getByRole('region', { name: 'Differences on the same games' });
    await region.waitFor();
    const second = await newest();
    const linesOf = async ({ job_id }: Job) =>
      (
        await (
          await fetch(`${server.url}/jobs/${job_id}/episodes`, { headers: { authorization: `Bearer ${PASSWORD}` } })
        ).text()
      )
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line))
        .map(({ reward, steps, trajectory }) => ({ reward, steps, seed: trajectory.seed as number }));
    const paired = pairedDifference(await linesOf(first), await linesOf(second), 3);
    const text = (await region.textContent())!.replaceAll('−', '-').replaceAll('+', '');
    expect(text).toContain('On the same 12 games');
    for (const value of [paired.mean_reward, ...paired.mean_reward_ci95]) expect(text).toContain(value.toFixed(2));
    for (const value of paired.success_ci95) expect(text).toContain((100 * value).toFixed(1));
    expect(text).toContain('temperature 0.5');
  });

  it('says of one without games that it has none, and compares it with nothing', async () => {
    await button('Evaluate again with changes').click();
    await field('Keep the games').selectOption('no');
    await field('Temperature').fill('1');
    const { job_id } = await newest();
    await button('Start').click();
    await expect.poll(async () => (await newest()).job_id).not.toBe(job_id);
    await completed();
    expect(await view.getByText(/^Compare with/).count()).toBe(0);
    await fold('Games').click();
    await view.getByText('This evaluation was asked for without its games').waitFor();
    expect(await button('Watch on the board').count()).toBe(0);
  });

  it('cancels one after a question, and resumes it', async () => {
    await button('Evaluate again with changes').click();
    await field('Games').fill('3000');
    await field('Keep the games').selectOption('yes');
    await button('Start').click();
    await article().getByText('running', { exact: true }).waitFor();
    await fold('Games').click();
    await button('Cancel…').click();
    await page.getByRole('dialog').getByText('begins again from its first game').waitFor();
    await page.getByRole('dialog').getByRole('button', { name: 'Cancel the job' }).click();
    await article().getByText('cancelled', { exact: true }).waitFor();
    await article().getByText('can be looked at when it is completed').waitFor();
    await button('Resume').click();
    await article().getByText('running', { exact: true }).waitFor();
    await button('Cancel…').click();
    await page.getByRole('dialog').getByRole('button', { name: 'Cancel the job' }).click();
    await article().getByText('cancelled', { exact: true }).waitFor();
  }, 60_000);

  it('opens filled in for what a training has made', async () => {
    await server.ask('/start-training', {
      model_name: 'nano',
      env_type: 'key_door',
      output_dir: 'walker',
      env_size: 3,
      rollout_max_steps: 7,
      history_strategy: 'OPTIMAL_SCRATCHPAD',
      batch_size: 8,
      max_steps: 1,
      max_completion_length: 5,
      tensor_parallel_size: 1,
      eval_episodes: 4,
    });
    await inList(/^walker/).click();
    await completed();
    await button('Evaluate on the server').click();
    await view.getByRole('heading', { name: 'New evaluation' }).waitFor();
    expect(await field('Model').inputValue()).toBe('walker');
    expect(await field('Game').inputValue()).toBe('key_door');
    expect(await field('The policy sees').inputValue()).toBe('OPTIMAL_SCRATCHPAD');
    expect(await field('Longest game').inputValue()).toBe('7');
    expect(await field('Longest reply').inputValue()).toBe('5');
    expect(await field('Size').inputValue()).toBe('3');
    await field('Games').fill('4');
    await button('Start').click();
    await article().getByRole('heading', { name: 'walker, evaluated' }).waitFor();
    await completed();
    expect((await newest()).request).toMatchObject({
      model_path: 'walker',
      env_type: 'key_door',
      env_config: { size: 3 },
      max_steps: 7,
      history_strategy: 'OPTIMAL_SCRATCHPAD',
      sampling_params: { max_tokens: 5 },
    });
    await fold('Games').click();
    await button('Watch on the board').click();
    const watch = page.getByRole('tabpanel', { name: 'Watch' });
    await watch.getByRole('heading', { name: 'Games of walker, evaluated on the server' }).waitFor();
    await watch.getByRole('slider').waitFor();
    expect(await watch.textContent()).not.toContain('is another one');
    await page.getByRole('tab', { name: 'Jobs' }).click();
  }, 60_000);

  it('has nothing on its console but what the browser writes, and asks no other server', () => {
    expect(blemishes.filter((blemish) => !ITS_OWN.test(blemish))).toEqual([]);
  });
});

async function complaintOf(control: Locator): Promise<string> {
  expect(await control.getAttribute('aria-invalid')).toBe('true');
  const [id] = (await control.getAttribute('aria-describedby'))!.split(' ');
  return (await page.locator(`[id="${id}"]`).textContent())!;
}
